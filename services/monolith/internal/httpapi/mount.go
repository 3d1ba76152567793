package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// Mount routes every operation of the document to its handler, behind the middlewares for its operationId.
func (a *API) Mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
	oapi.RegisterHandlersWithOptions(e, oapi.NewStrictHandler(a, nil), oapi.RegisterHandlersOptions{
		OperationMiddlewares: a.calls.countInvalid(middlewares),
	})
}

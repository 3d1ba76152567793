package httpapi

import (
	"maps"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
)

// Mount routes every operation of the document to its handler, behind the middlewares for its operationId.
func (a *API) Mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
	middlewares = maps.Clone(middlewares)
	for _, operation := range []string{"replaceEntry", "patchEntry", "deleteEntry"} {
		middlewares[operation] = append([]echo.MiddlewareFunc{notBesideEntries}, middlewares[operation]...)
	}
	oapi.RegisterHandlersWithOptions(e, oapi.NewStrictHandler(a, nil), oapi.RegisterHandlersOptions{
		OperationMiddlewares: middlewares,
	})
}

// notBesideEntries answers 405 for methods that an entry has, but that the neighboring paths do not have. Without it, Echo
// would take "markets" in /catalog/api/v1/markets for the id of an entry, because only entries have the method, and the
// answer would be 404.
func notBesideEntries(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var allow string
		switch neighbor, rest, _ := strings.Cut(c.Param("id"), "/"); {
		case neighbor == "markets" && rest == "":
			allow = "OPTIONS, GET, POST"
		case neighbor == "products" && !strings.Contains(rest, "/"):
			allow = "OPTIONS, GET"
		default:
			return next(c)
		}
		c.Response().Header().Set(echo.HeaderAllow, allow)
		return echo.NewHTTPError(http.StatusMethodNotAllowed, "This path has no "+c.Request().Method+".")
	}
}

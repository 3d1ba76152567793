package httpserver

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// exactNames makes Echo decode bodies as everything else from outside is decoded. Handlers normally get the value that
// package oas has validated; this is for a body that it did not.
type exactNames struct{ echo.DefaultJSONSerializer }

// Deserialize implements echo.JSONSerializer.
func (exactNames) Deserialize(c echo.Context, into any) error {
	text, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(text, into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "The body does not fit: "+err.Error()+".").SetInternal(err)
	}
	return nil
}

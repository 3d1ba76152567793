package oas

import (
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
)

// mountOptions answers OPTIONS for every path of the document: its methods, and what a PATCH may have as its body (RFC
// 5789, section 3.1).
func (v *Validator) mountOptions(e *echo.Echo) {
	for path, item := range v.paths {
		allow, patch := methods(item)
		depth := strings.Count(path, "/")
		e.OPTIONS(routed(path), func(c echo.Context) error {
			if strings.Count(c.Request().URL.EscapedPath(), "/") > depth { // Echo gives the rest of a path to the last parameter
				return apperr.New(apperr.NotFound, "Nothing exists at this path.")
			}
			header := c.Response().Header()
			header.Set(echo.HeaderAllow, allow)
			if patch != "" {
				header.Set("Accept-Patch", patch)
			}
			return c.NoContent(http.StatusNoContent)
		})
	}
}

// routed returns the path in the form of Echo.
func routed(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

// methods returns the methods of a path, and the media types of its PATCH.
func methods(item *openapi3.PathItem) (allow, patch string) {
	list := []string{http.MethodOptions}
	for method, op := range item.Operations() {
		list = append(list, method)
		switch method {
		case http.MethodGet:
			list = append(list, http.MethodHead)
		case http.MethodPatch:
			patch = strings.Join(bodyTypes(op), ", ")
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", "), patch
}

// bodyTypes returns the media types that a request may have.
func bodyTypes(op *openapi3.Operation) []string {
	if op.RequestBody == nil {
		return nil
	}
	var types []string
	for mediaType := range op.RequestBody.Value.Content {
		types = append(types, mediaType)
	}
	slices.Sort(types)
	return types
}

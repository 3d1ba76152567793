package oapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
)

// server answers the operations that a test needs. Other operations panic.
type server struct {
	oapi.StrictServerInterface
	patch oapi.PatchEntryRequestObject
}

func (s *server) PatchEntry(_ context.Context, r oapi.PatchEntryRequestObject) (oapi.PatchEntryResponseObject, error) {
	s.patch = r
	return oapi.PatchEntry200JSONResponse{Headers: oapi.PatchEntry200ResponseHeaders{ETag: `"2"`}}, nil
}

// TestEveryOperationHasItsMiddleware fails if the generator looks up middlewares by another spelling of operationId than the
// document's. Then no middleware would run, and no request would be validated.
func TestEveryOperationHasItsMiddleware(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(catalogapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	middlewares := map[string][]echo.MiddlewareFunc{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			want = append(want, op.OperationID)
			middlewares[op.OperationID] = []echo.MiddlewareFunc{func(echo.HandlerFunc) echo.HandlerFunc {
				return func(echo.Context) error { got = append(got, op.OperationID); return nil }
			}}
		}
	}
	e := echo.New()
	handler := oapi.NewStrictHandler(&server{}, nil)
	oapi.RegisterHandlersWithOptions(e, handler, oapi.RegisterHandlersOptions{OperationMiddlewares: middlewares})
	// "markets" must not match the parameter {id} of an entry: a fixed path goes before a parameter.
	ids := strings.NewReplacer("{id}", "0198c0de-9d55-7e31-8b60-2c7a4f5e1d08", "{iso_code}", "NL",
		"{product_uuid}", "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			request := httptest.NewRequestWithContext(t.Context(), method, ids.Replace(path), nil)
			e.ServeHTTP(httptest.NewRecorder(), request)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("middlewares ran for %q, want %q", got, want)
	}
}

// validated is a body after validation.
type validated struct {
	io.ReadCloser
	text string
}

func (v validated) ValidatedValue() (value any) {
	_ = json.Unmarshal([]byte(v.text), &value)
	return value
}

func TestMergePatchTellsAbsentFromNull(t *testing.T) {
	t.Parallel()
	const (
		path = "/catalog/api/v1/0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"
		body = `{"availability_end_date": null}`
	)
	s := &server{}
	e := echo.New()
	oapi.RegisterHandlers(e, oapi.NewStrictHandler(s, nil))
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/merge-patch+json")
	request.Body = validated{request.Body, body}
	response := httptest.NewRecorder()
	e.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("%d %s", response.Code, response.Body)
	}
	if s.patch.Body.AvailabilityDate.IsSpecified() || !s.patch.Body.AvailabilityEndDate.IsNull() {
		t.Errorf("bound as %+v", s.patch.Body)
	}
}

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

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// server answers the operations that a test needs. Other operations panic.
type server struct {
	oapi.StrictServerInterface
	list  oapi.ListProductsResponseObject
	patch oapi.PatchProductRequestObject
}

func (s *server) ListProducts(
	context.Context, oapi.ListProductsRequestObject,
) (oapi.ListProductsResponseObject, error) {
	return s.list, nil
}

func (s *server) PatchProduct(
	_ context.Context, r oapi.PatchProductRequestObject,
) (oapi.PatchProductResponseObject, error) {
	s.patch = r
	return oapi.PatchProduct200JSONResponse{Headers: oapi.PatchProduct200ResponseHeaders{ETag: `"2"`}}, nil
}

// TestEveryOperationHasItsMiddleware fails if the generator looks up middlewares by another spelling of operationId than the
// document's. Then no middleware would run, and no request would be validated.
func TestEveryOperationHasItsMiddleware(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(monolithapi.Document)
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
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			request := httptest.NewRequestWithContext(t.Context(), method, strings.ReplaceAll(path, "{id}", "1"), nil)
			e.ServeHTTP(httptest.NewRecorder(), request)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("middlewares ran for %q, want %q", got, want)
	}
}

func serve(ctx context.Context, s *server, method, path, media, body string) *httptest.ResponseRecorder {
	e := echo.New()
	oapi.RegisterHandlers(e, oapi.NewStrictHandler(s, nil))
	request := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", media)
	request.Body = validated{request.Body, body}
	response := httptest.NewRecorder()
	e.ServeHTTP(response, request)
	return response
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

func TestMergePatchTellsAbsentFromGiven(t *testing.T) {
	t.Parallel()
	s := &server{}
	const body = `{"name": "Stool", "version": "x"}`
	response := serve(t.Context(), s, http.MethodPatch, "/api/v1/product/7", "application/merge-patch+json", body)
	if response.Code != http.StatusOK || response.Header().Get("ETag") != `"2"` {
		t.Fatalf("%d %s, ETag %q", response.Code, response.Body, response.Header().Get("ETag"))
	}
	bound := s.patch.Body
	if s.patch.ID != 7 || bound.Name == nil || *bound.Name != "Stool" || bound.ProductCategory != nil ||
		bound.Discontinued != nil {
		t.Errorf("bound as %+v", s.patch)
	}
}

// stream is an answer that sends each part at once.
type stream []string

func (s stream) VisitListProductsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	for _, part := range s {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
	}
	return nil
}

func TestListCanBeStreamed(t *testing.T) {
	t.Parallel()
	response := serve(t.Context(), &server{list: stream{"[", "]"}}, http.MethodGet, "/api/v1/product", "", "")
	if response.Body.String() != "[]" || !response.Flushed {
		t.Errorf("%v %q, flushed: %v", response.Header(), response.Body, response.Flushed)
	}
}

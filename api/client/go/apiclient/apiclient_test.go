package apiclient_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// These tests use answers that do not come from these services, but from gateways, captive portals and services of another
// version. The tests in internal/e2e check the answers of the services themselves.

// answer is a transport that returns the same answer to every request.
type answer struct {
	status      int
	contentType string
	header      map[string]string
	body        string
}

func (a answer) RoundTrip(request *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", a.contentType)
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.WriteString(a.body) // into memory
	response := w.Result()
	response.Request = request
	return response, nil
}

func (a answer) client() *http.Client { return &http.Client{Transport: a} }

func (a answer) monolith(t *testing.T) *monolithclient.Client {
	t.Helper()
	return must(monolithclient.New("http://shop.example", apiclient.WithHTTPClient(a.client())))
}

// must returns the value of a call that cannot fail in these tests.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A page from a captive portal must not count as an empty success.
func TestForeignAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"HTML":        {200, "text/html; charset=utf-8", nil, "<p>Please log in</p>"},
		"NoType":      {200, "", nil, `[]`},
		"NoContent":   {204, "", nil, ""},
		"Redirect":    {304, "", nil, ""},
		"BrokenJSON":  {200, "application/json", nil, `[{"id": 1`},
		"OtherShape":  {200, "application/json", nil, `{"items": []}`},
		"NoCursor":    {200, "application/json", map[string]string{"Link": `</api/v1/product?page=2>; rel="next"`}, `[]`},
		"SameCursor":  {200, "application/json", map[string]string{"Link": `</api/v1/product?cursor=x>; rel="next"`}, `[]`},
		"NoLink":      {200, "application/json", map[string]string{"Link": `/api/v1/product?cursor=x; rel="next"`}, `[]`},
		"Null":        {200, "application/json", nil, `null`},
		"MultiChoice": {300, "application/json", nil, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var failed error
			for _, err := range a.monolith(t).AllProducts(t.Context(), monolithclient.ListProductsParams{}) {
				failed = err
			}
			if failed == nil {
				t.Error("an empty list, and no error")
			}
		})
	}
}

// If there is no error, the answer has the requested entity.
func TestForeignAnswersToOneOperationAreErrors(t *testing.T) {
	t.Parallel()
	get := func(c *monolithclient.Client) (any, error) { return c.GetProductWithResponse(t.Context(), 7, nil) }
	post := func(c *monolithclient.Client) (any, error) {
		return c.CreateProductWithResponse(t.Context(), nil, monolithclient.ProductInput{})
	}
	put := func(c *monolithclient.Client) (any, error) {
		return c.ReplaceProductWithResponse(t.Context(), 7, nil, monolithclient.ProductInput{})
	}
	patch := func(c *monolithclient.Client) (any, error) {
		return c.PatchProduct(t.Context(), 7, monolithclient.ProductPatch{}, apiclient.IfNoneMatch(`"3"`))
	}
	remove := func(c *monolithclient.Client) (any, error) {
		return c.DeleteProductWithResponse(t.Context(), 7, nil)
	}
	for name, tt := range map[string]struct {
		call   func(*monolithclient.Client) (any, error)
		answer answer
	}{
		"GetCreated":         {get, answer{201, "application/json", nil, `{}`}},
		"GetNothing":         {get, answer{204, "", nil, ""}},
		"NotModifiedUnasked": {get, answer{304, "", nil, ""}},
		"GetText":            {get, answer{200, "text/plain", nil, `{}`}},
		"GetCapitals":        {get, answer{200, "Application/JSON", nil, `{}`}},
		"PostOK":             {post, answer{200, "application/json", nil, `{}`}},
		"PostAccepted":       {post, answer{202, "application/json", nil, `{}`}},
		"PostNothing":        {post, answer{204, "", nil, ""}},
		"PutCreated":         {put, answer{201, "application/json", nil, `{}`}},
		"PutNothing":         {put, answer{204, "", nil, ""}},
		"PatchNothing":       {patch, answer{204, "", nil, ""}},
		"PatchUnchanged":     {patch, answer{304, "", nil, ""}},
		"DeleteOK":           {remove, answer{200, "application/json", nil, `{}`}},
		"DeleteAccepted":     {remove, answer{202, "", nil, ""}},
		"EntryAccepted": {func(c *monolithclient.Client) (any, error) {
			return c.PatchCatalog(t.Context(), 5, monolithclient.LegacyEntryPatch{})
		}, answer{202, "text/html", nil, "<p>Please log in</p>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := tt.call(tt.answer.monolith(t)); err == nil || !strings.Contains(err.Error(), "is the base URL right?") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// For each operation, the client accepts exactly the answers that the document describes.
func TestSuccessIsAsDocumented(t *testing.T) {
	t.Parallel()
	for name, document := range services.OpenAPI(t) {
		for path, item := range must(openapi3.NewLoader().LoadFromData(document)).Paths.Map() {
			for method, operation := range item.Operations() {
				described := slices.DeleteFunc(slices.Sorted(maps.Keys(operation.Responses.Map())), func(status string) bool { return status >= "4" })
				conditional := operation.Parameters.GetByInAndName("header", "If-None-Match") != nil
				for _, status := range []int{200, 201, 202, 203, 204, 205, 206, 304} {
					request := httptest.NewRequestWithContext(t.Context(), method, "http://shop.example"+path, nil)
					request.RequestURI = "" // only a server sets it
					if conditional {
						request.Header.Set("If-None-Match", `"3"`)
					}
					if _, err := doerOf(name, answer{status, "application/json", nil, ""}).Do(request); (err == nil) != slices.Contains(described, strconv.Itoa(status)) {
						t.Errorf("%s: %s %s, answered with %d: %v; described are %v", name, method, path, status, err, described)
					}
				}
			}
		}
	}
}

// doer is what a generated client sends its requests with.
type doer interface {
	Do(request *http.Request) (*http.Response, error)
}

// doerOf returns the doer of a service's client, which gets this answer to every request.
func doerOf(service string, a answer) doer {
	if service == "monolith" {
		return must(monolithclient.New("http://shop.example", apiclient.WithHTTPClient(a.client()))).ClientInterface.(*monolithclient.HTTPClient).Client
	}
	return must(catalogclient.New("http://shop.example", apiclient.WithHTTPClient(a.client()))).ClientInterface.(*catalogclient.HTTPClient).Client
}

// Programs of other teams import a client. So it must have few dependencies, and none on the services.
func TestClientsAreSmall(t *testing.T) {
	t.Parallel()
	const limit = 25
	for _, service := range services.Names(t) {
		path := service + "client"
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../"+path).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		packages := strings.Fields(string(out))
		if len(packages) < 3 || len(packages) > limit {
			t.Errorf("%s imports %d packages outside the standard library, the limit is %d: %v", path, len(packages), limit, packages)
		}
	}
}

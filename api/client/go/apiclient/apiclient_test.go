package apiclient_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
	monolithapi "github.com/monsplit/monsplit/api/monolith"
)

// What the services themselves answer is tested against them, in internal/e2e. Here is what stands between: gateways,
// portals, and services of another version.

// answer is a transport that gives one answer to every request.
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

func TestErrorAnswersAreProblems(t *testing.T) {
	t.Parallel()
	const url = "http://shop.example/api/v1/product/7"
	tests := map[string]struct {
		answer answer
		want   apiclient.Problem
		text   string
	}{
		"AServicesOwn": {
			answer{422, "application/problem+json; charset=utf-8", nil, `{"type": "https://monsplit.github.io/problems/invalid", "title": "Unprocessable Entity",
				"status": 422, "detail": "The product is not valid.", "request_id": "r-1", "future": {},
				"errors": [{"pointer": "/name", "detail": "must not be blank"}, {"pointer": "/query/limit", "detail": "must be at most 200"}]}`},
			apiclient.Problem{Type: "https://monsplit.github.io/problems/invalid", Title: "Unprocessable Entity", Status: 422,
				Detail: "The product is not valid.", RequestID: "r-1",
				Errors: []apiclient.Fault{{Pointer: "/name", Detail: "must not be blank"}, {Pointer: "/query/limit", Detail: "must be at most 200"}}},
			"GET " + url + ": 422 Unprocessable Entity: The product is not valid. /name must not be blank; /query/limit must be at most 200 (request r-1)",
		},
		"AGateways": {
			answer{502, "text/html", map[string]string{"Retry-After": "7"}, "<h1>Bad gateway</h1>"},
			apiclient.Problem{Type: "about:blank", Title: "Bad Gateway", Status: 502, RetryAfter: 7 * time.Second},
			"GET " + url + ": 502 Bad Gateway",
		},
		"CutShort": {
			answer{500, "application/problem+json", nil, `{"type": "https://monsplit.git`},
			apiclient.Problem{Type: "about:blank", Title: "Internal Server Error", Status: 500},
			"GET " + url + ": 500 Internal Server Error",
		},
		"OfAnotherKind": {
			answer{403, "application/json", map[string]string{"Retry-After": "soon"}, `{"message": "no"}`},
			apiclient.Problem{Type: "about:blank", Title: "Forbidden", Status: 403},
			"GET " + url + ": 403 Forbidden",
		},
		"TheStatusIsTheAnswers": {
			answer{404, "application/problem+json", nil, `{"type": "https://monsplit.github.io/problems/not-found", "status": 200}`},
			apiclient.Problem{Type: "https://monsplit.github.io/problems/not-found", Title: "Not Found", Status: 404},
			"GET " + url + ": 404 Not Found",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := monolithclient.New("http://shop.example", apiclient.WithHTTPClient(tt.answer.client()))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.GetProductWithResponse(t.Context(), 7, nil)
			var problem *apiclient.Problem
			if !errors.As(err, &problem) {
				t.Fatalf("%v is no problem", err)
			}
			if problem.Error() != tt.text {
				t.Errorf("text %q,\nwant %q", problem, tt.text)
			}
			got, want := asJSON(t, problem), asJSON(t, tt.want)
			if got != want || problem.RetryAfter != tt.want.RetryAfter {
				t.Errorf("problem %s, retry after %s,\nwant    %s, %s", got, problem.RetryAfter, want, tt.want.RetryAfter)
			}
		})
	}
}

// A page that some portal puts in between must not pass for an empty success.
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
		"MultiChoice": {300, "application/json", nil, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := monolithclient.New("http://shop.example", apiclient.WithHTTPClient(a.client()))
			if err != nil {
				t.Fatal(err)
			}
			var failed error
			for _, err := range client.AllProducts(t.Context(), monolithclient.ListProductsParams{}) {
				failed = err
			}
			if failed == nil {
				t.Error("an empty list, and no error")
			}
		})
	}
}

func TestNextPage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                    "",
		`</p?cursor=abc&limit=2>; rel="next"`: "abc",
		`</p?cursor=abc>; title="a, b"; REL=next`:                                "abc",
		`</first>; rel="first", </p?cursor=a%2Bb>; rel="prefetch NEXT"`:          "a+b",
		`</p?cursor=no>; rel="prev", </p?cursor=yes,2>; title="x"; rel="next"`:   "yes,2",
		`</p?cursor=no>; title="; rel=next"; rel="prev"`:                         "",
		`https://shop.example/p?cursor=abc; rel="next"`:                          "",
		`<https://shop.example/p?cursor=abc>; rel="next"; title*=UTF-8''n%c3%a4`: "abc",
	} {
		var cursors []string
		first := http.Header{"Link": {header}}
		for _, err := range apiclient.All(nil, func(cursor *string) (*[]int, http.Header, error) {
			if cursor != nil {
				cursors = append(cursors, *cursor)
				return &[]int{}, nil, nil
			}
			return &[]int{1}, first, nil
		}) {
			if err != nil {
				t.Errorf("Link: %s: %v", header, err)
			}
		}
		if got := strings.Join(cursors, " "); got != want {
			t.Errorf("Link: %s\nleads to %q, want %q", header, got, want)
		}
	}
}

// Who stops early reads no further page, and who ranges again starts again.
func TestListsAreReadAsFarAsTheyAreUsed(t *testing.T) {
	t.Parallel()
	read := 0
	list := apiclient.All(nil, func(*string) (*[]int, http.Header, error) {
		read++
		return &[]int{1, 2}, http.Header{"Link": {`</p?cursor=` + strings.Repeat("x", read) + `>; rel="next"`}}, nil
	})
	for range 2 {
		n := 0
		for _, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				break
			}
		}
	}
	if read != 4 {
		t.Errorf("%d pages were read, want 2 each time", read)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8000": true, "https://shop.example/legacy/": true, "https://shop.example/legacy": true,
		"": false, "localhost:8000": false, "ftp://shop.example": false, "http://": false, "http://shop.example?x=1": false, "http://a b": false,
	} {
		_, monolith := monolithclient.New(url)
		_, catalog := catalogclient.New(url)
		if ok != (monolith == nil) || ok != (catalog == nil) {
			t.Errorf("%q: %v, %v", url, monolith, catalog)
		}
	}
}

// The time-out covers the body too, and a client that was passed in stays as it was.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never, write := io.Pipe()
		defer write.Close()
		given := &http.Client{Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
			go func() {
				<-request.Context().Done()
				_ = write.CloseWithError(request.Context().Err())
			}()
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: never, Request: request}, nil
		})}
		client, err := catalogclient.New("http://shop.example", apiclient.WithHTTPClient(given), apiclient.WithTimeout(3*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err = client.ListMarketsWithResponse(t.Context(), nil); err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if given.Timeout != 0 {
			t.Error("the caller's client was changed")
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// Problem is written by hand, so that both clients have one; it knows every member that the documents do.
func TestProblemIsTheDocuments(t *testing.T) {
	t.Parallel()
	for name, document := range map[string][]byte{"monolith": monolithapi.Document, "catalog": catalogapi.Document} {
		doc, err := openapi3.NewLoader().LoadFromData(document)
		if err != nil {
			t.Fatal(err)
		}
		for schema, typ := range map[string]reflect.Type{"Problem": reflect.TypeFor[apiclient.Problem](), "Fault": reflect.TypeFor[apiclient.Fault]()} {
			var known []string
			for field := range typ.Fields() {
				if tag := field.Tag.Get("json"); tag != "" && tag != "-" {
					known = append(known, tag)
				}
			}
			slices.Sort(known)
			if described := slices.Sorted(maps.Keys(doc.Components.Schemas[schema].Value.Properties)); !slices.Equal(known, described) {
				t.Errorf("%s of %s has %v, the client knows %v", schema, name, described, known)
			}
		}
	}
}

// A client is imported into programs of other teams: it brings little with it, and nothing of the services.
func TestClientsAreSmall(t *testing.T) {
	t.Parallel()
	const limit = 25
	for _, path := range []string{"monolithclient", "catalogclient"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../"+path).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		packages := strings.Fields(string(out))
		if len(packages) < 3 || len(packages) > limit {
			t.Errorf("%s pulls in %d packages that are not of the standard library, at most %d are fine: %v", path, len(packages), limit, packages)
		}
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

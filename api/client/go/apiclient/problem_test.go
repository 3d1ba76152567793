package apiclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

func TestErrorAnswersAreProblems(t *testing.T) {
	t.Parallel()
	const url = "http://shop.example/api/v1/product/7"
	tests := map[string]struct {
		answer answer
		want   apiclient.Problem
		text   string
	}{
		"OfAService": {
			answer{422, "application/problem+json; charset=utf-8", nil, `{"type": "https://monsplit.github.io/problems/invalid", "title": "Unprocessable Entity",
				"status": 422, "detail": "The product is not valid.", "request_id": "r-1", "future": {},
				"errors": [{"pointer": "/name", "detail": "must not be blank"}, {"pointer": "/query/limit", "detail": "must be at most 200"}]}`},
			apiclient.Problem{Type: "https://monsplit.github.io/problems/invalid", Title: "Unprocessable Entity", Status: 422,
				Detail: "The product is not valid.", RequestID: "r-1",
				Errors: []apiclient.Fault{{Pointer: "/name", Detail: "must not be blank"}, {Pointer: "/query/limit", Detail: "must be at most 200"}}},
			"GET " + url + ": 422 Unprocessable Entity: The product is not valid. /name must not be blank; /query/limit must be at most 200 (request r-1)",
		},
		"OfAGateway": {
			answer{502, "text/html", nil, "<h1>Bad gateway</h1>"},
			apiclient.Problem{Type: "about:blank", Title: "Bad Gateway", Status: 502},
			"GET " + url + ": 502 Bad Gateway",
		},
		"CutShort": {
			answer{500, "application/problem+json", nil, `{"type": "https://monsplit.git`},
			apiclient.Problem{Type: "about:blank", Title: "Internal Server Error", Status: 500},
			"GET " + url + ": 500 Internal Server Error",
		},
		"OfAnotherKind": {
			answer{403, "application/json", nil, `{"message": "no"}`},
			apiclient.Problem{Type: "about:blank", Title: "Forbidden", Status: 403},
			"GET " + url + ": 403 Forbidden",
		},
		"StatusOfTheAnswer": {
			answer{404, "application/problem+json", nil, `{"type": "https://monsplit.github.io/problems/not-found", "status": 200}`},
			apiclient.Problem{Type: "https://monsplit.github.io/problems/not-found", Title: "Not Found", Status: 404},
			"GET " + url + ": 404 Not Found",
		},
		"WithoutType": {
			answer{400, "application/problem+json", nil, `{"title": "No such coupon", "detail": "It ended in May."}`},
			apiclient.Problem{Type: "about:blank", Title: "No such coupon", Status: 400, Detail: "It ended in May."},
			"GET " + url + ": 400 No such coupon: It ended in May.",
		},
		"WithMembersOfOtherTypes": {
			answer{400, "application/problem+json", nil, `{"type": "https://tools.example/bad", "title": "One or more faults", "status": "400",
				"errors": {"name": ["is blank"]}, "request_id": 7, "detail": "See the errors."}`},
			apiclient.Problem{Type: "https://tools.example/bad", Title: "One or more faults", Status: 400, Detail: "See the errors."},
			"GET " + url + ": 400 One or more faults: See the errors.",
		},
		"WithFaultsOfOtherShapes": {
			answer{422, "application/problem+json", nil, `{"errors": ["is blank", {"field": "name"}, {"detail": "is blank"}, {"pointer": 1, "detail": "too long"}]}`},
			apiclient.Problem{Type: "about:blank", Title: "Unprocessable Entity", Status: 422,
				Errors: []apiclient.Fault{{Detail: "is blank"}, {Detail: "too long"}}},
			"GET " + url + ": 422 Unprocessable Entity is blank; too long",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.answer.monolith(t).GetProductWithResponse(t.Context(), 7, nil)
			problem, ok := errors.AsType[*apiclient.Problem](err)
			if !ok {
				t.Fatalf("%v is not a problem", err)
			}
			if problem.Error() != tt.text {
				t.Errorf("text %q,\nwant %q", problem, tt.text)
			}
			got, want := asJSON(t, problem), asJSON(t, tt.want)
			if got != want {
				t.Errorf("problem %s,\nwant    %s", got, want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // its time stands still
		for header, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "0": 0, "-7": 0, "soon": 0, "7.5": 0, "99999999999999999999": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat):  90 * time.Second,
			time.Now().Add(-90 * time.Second).UTC().Format(http.TimeFormat): 0,
		} {
			unavailable := answer{503, "application/problem+json", map[string]string{"Retry-After": header}, "{}"}
			_, err := unavailable.monolith(t).GetProductWithResponse(t.Context(), 7, nil)
			if problem, ok := errors.AsType[*apiclient.Problem](err); !ok || problem.RetryAfter != want {
				t.Errorf("Retry-After: %s\nis %#v, want %s", header, problem, want)
			}
		}
	})
}

func TestIsProblem(t *testing.T) {
	t.Parallel()
	stale := fmt.Errorf("patching: %w", &apiclient.Problem{Type: "https://monsplit.github.io/problems/stale"})
	for name, got := range map[string]bool{
		"Wrapped": apiclient.IsProblem(stale, apiclient.Stale), "Another": !apiclient.IsProblem(stale, apiclient.Invalid),
		"NoError": !apiclient.IsProblem(nil, apiclient.Stale), "NoProblem": !apiclient.IsProblem(errors.ErrUnsupported, apiclient.Stale),
	} {
		if !got {
			t.Error(name)
		}
	}
}

// Problem is written by hand, so that both clients share it. It must have every member that the documents have.
func TestProblemHasTheDocumentedMembers(t *testing.T) {
	t.Parallel()
	for name, document := range services.OpenAPI(t) {
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

// The constants must be the names in docs/problems.md.
func TestNamesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, constants []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(page, -1) {
		documented = append(documented, string(row[1]))
	}
	source, err := parser.ParseFile(token.NewFileSet(), "name.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(source, func(n ast.Node) bool {
		if value, ok := n.(*ast.BasicLit); ok {
			constants = append(constants, must(strconv.Unquote(value.Value)))
		}
		return true
	})
	if len(documented) == 0 || !slices.Equal(constants, documented) {
		t.Errorf("the constants are %q, documented are %q", constants, documented)
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

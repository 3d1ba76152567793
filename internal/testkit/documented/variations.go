package documented

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// variation is a change of an example request.
type variation struct {
	applies func(o operation) bool // nil: to all operations
	edit    func(o operation, req *http.Request)
	again   bool // the example request is sent before; the changed one must get the same answer

	// A refusal has a status, the name of its problem, and the values of headers. Without a status, the answer must be the
	// one of the example request.
	status  int
	problem string
	headers map[string]func(o operation) string
	later   int // it says after how many seconds to try again, at most so many; 0 if it does not say so
}

// Vary sends variations of every example request. One that is refused must change nothing: after all refusals, the example
// request itself still gets its documented answer.
func Vary(t *testing.T, document []byte, prepare Prepare) {
	t.Helper()
	for _, o := range operations(t, document) {
		b := o.bodies()[0]
		id := o.Operation.OperationID
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			t.Run("Refused", func(t *testing.T) {
				t.Parallel()
				base := prepare(t, id, b.name)
				for name, v := range refusals {
					if v.applies == nil || v.applies(o) {
						if err := o.refused(t, base, b, v); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
				if err := o.methods(t, base); err != nil {
					t.Error(err)
				}
				if err := o.try(t, base, b, nil); err != nil {
					t.Errorf("after the refusals: %v", err)
				}
			})
			shared := ""
			if o.Method == http.MethodGet {
				shared = prepare(t, id, b.name) // reading changes nothing
			}
			for name, v := range equivalents {
				if v.applies != nil && !v.applies(o) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					base := shared
					if base == "" {
						base = prepare(t, id, b.name)
					}
					if v.again {
						if err := o.try(t, base, b, nil); err != nil {
							t.Fatal(err)
						}
					}
					if err := o.try(t, base, b, func(req *http.Request) { v.edit(o, req) }); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// refused sends a variation that must be refused.
func (o operation) refused(t *testing.T, base string, b body, v variation) error {
	a, err := o.send(t, base, b, func(req *http.Request) {
		req.Header.Del("Idempotency-Key") // the owner's refusal of a change would be repeated for the example request
		v.edit(o, req)
	})
	if err != nil {
		return err
	}
	var problem struct {
		Type string `json:"type"`
	}
	if a.status != v.status || a.header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("want the problem %s with %d: %s", v.problem, v.status, a)
	}
	if err := strictjson.Unmarshal(a.text, &problem); err != nil || !strings.HasSuffix(problem.Type, "/"+v.problem) {
		return fmt.Errorf("want the problem %s: %s", v.problem, a)
	}
	if err := o.headers(a, v); err != nil {
		return err
	}
	return o.valid(t, a)
}

// methods returns an error unless OPTIONS, and the refusal of an unknown method, list the methods of the path (RFC 9110,
// sections 9.3.7 and 15.5.6).
func (o operation) methods(t *testing.T, base string) error {
	want := []string{"OPTIONS"}
	patch := ""
	for method, op := range o.PathItem.Operations() {
		want = append(want, method)
		switch method {
		case http.MethodGet:
			want = append(want, http.MethodHead)
		case http.MethodPatch:
			patch = mediaType(operation{&routers.Route{Operation: op}})
		}
	}
	slices.Sort(want)
	for method, status := range map[string]int{http.MethodOptions: http.StatusNoContent, "BREW": http.StatusMethodNotAllowed} {
		a, err := o.send(t, base, body{}, func(req *http.Request) { req.Method = method })
		if err != nil {
			return err
		}
		have := strings.Split(a.header.Get("Allow"), ", ")
		slices.Sort(have)
		if a.status != status || !slices.Equal(have, want) || method == http.MethodOptions && a.header.Get("Accept-Patch") != patch {
			return fmt.Errorf("the header Allow is %q, want %q; Accept-Patch is %q, want %q: %s", have, want, a.header.Get("Accept-Patch"), patch, a)
		}
	}
	return nil
}

// Unavailable sends every example request to a server whose database is away. The answer says when to try again.
func Unavailable(t *testing.T, document []byte, base string) {
	t.Helper()
	for _, o := range operations(t, document) {
		err := o.refused(t, base, o.bodies()[0], variation{
			edit: func(operation, *http.Request) {}, status: 503, problem: "unavailable", later: 3,
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func (o operation) headers(a answer, v variation) error {
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); v.later > 0 && (err != nil || seconds < 1 || seconds > v.later) {
		return fmt.Errorf("the header Retry-After is %q, want 1 to %d: %s", a.header.Get("Retry-After"), v.later, a)
	}
	for name, want := range v.headers {
		have := strings.Join(a.header.Values(name), ", ")
		if wanted := want(o); have != wanted {
			return fmt.Errorf("the header %s is %q, want %q: %s", name, have, wanted, a)
		}
	}
	return nil
}

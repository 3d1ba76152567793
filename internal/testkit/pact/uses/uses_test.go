package uses_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pact/uses"
)

// failing takes the place of the test that must fail.
type failing struct {
	testing.TB
	faults []string
}

func (f *failing) Errorf(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// contract names the name and category of new products, and deletions.
const contract = `{"interactions": [
	{"description": "created", "contents": {"content": {"type": "monsplit.product.created.v1", "data": {"name": "a", "product_category": "b"}}}},
	{"description": "deleted", "contents": {"content": {"type": "monsplit.product.deleted.v1"}}}
]}`

type product struct {
	Name     string `json:"name"`
	Category string `json:"product_category"`
	Version  int    `json:"version"`
}

// takes is a consumer that returns the given effect for new products, and also handles deletions.
func takes(effect func(product) any) func(event.Event) (any, error) {
	return func(e event.Event) (any, error) {
		switch {
		case !strings.HasPrefix(e.Type, "monsplit.product."):
			return nil, nil // an event of another aggregate
		case strings.Contains(e.Type, "deleted"):
			return "gone", nil
		case !strings.Contains(e.Type, "created"):
			return nil, nil
		}
		var p product
		if err := json.Unmarshal(e.Data, &p); err != nil {
			return nil, err
		}
		if p.Category == "" {
			return nil, errors.New("a category is missing")
		}
		return effect(p), nil
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	right := takes(func(p product) any { return p.Name })
	for name, tt := range map[string]struct {
		apply func(event.Event) (any, error)
		want  string
	}{
		"the same":  {right, ""},
		"uses less": {takes(func(product) any { return "new" }), `names the members ["name" "product_category"] of the data, but the code uses ["product_category"]`},
		"uses more": {takes(func(p product) any { return fmt.Sprint(p.Name, p.Version) }), `the code uses ["name" "product_category" "version"]`},
		"takes one less": {func(e event.Event) (any, error) {
			if strings.Contains(e.Type, "deleted") {
				return nil, nil
			}
			return right(e)
		}, "monsplit.product.deleted.v1: in the contract: true, has an effect: false"},
		"takes one more": {func(e event.Event) (any, error) {
			if strings.Contains(e.Type, "discontinued") {
				return "discontinued", nil
			}
			return right(e)
		}, "monsplit.product.discontinued.v1: in the contract: false, has an effect: true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failing{TB: t}
			uses.Contract(f, []byte(contract), asyncapi.Monolith, tt.apply)
			if got := strings.Join(f.faults, "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
	f := &failing{TB: t}
	uses.Contract(f, []byte(strings.ReplaceAll(contract, "created.v1", "made.v1")), asyncapi.Monolith, right)
	if !strings.Contains(strings.Join(f.faults, "\n"), "monsplit.product.made.v1 is in the contract, but the owner has no example") {
		t.Errorf("a type that nobody sends passes: %q", f.faults)
	}
}

// A member of a member is compared too, also in the items of a list.
func TestInnerMembers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ problem, want string }{
		"the same":   {`{"status": 422, "errors": [{"pointer": "/a"}]}`, ""},
		"names less": {`{"status": 422, "errors": [{}]}`, `the code uses ["problem" "problem.errors" "problem.errors[].pointer" "problem.status"]`},
		"names more": {`{"status": 422, "title": "T", "errors": [{"pointer": "/a"}]}`,
			`names the members ["problem" "problem.errors" "problem.errors[].pointer" "problem.status" "problem.title"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := `{"interactions": [{"contents": {"content": {"type": "monsplit.catalog-entry.change-decided.v1", "data": {"problem": ` + tt.problem + `}}}}]}`
			f := &failing{TB: t}
			uses.Contract(f, []byte(contract), asyncapi.Catalog, func(e event.Event) (any, error) {
				var data struct {
					Problem *struct {
						Status int
						Errors []struct{ Pointer string }
					}
				}
				if err := json.Unmarshal(e.Data, &data); err != nil || data.Problem == nil {
					return nil, err
				}
				return data.Problem, nil
			})
			if got := strings.Join(f.faults, "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

//go:build pact

package monolith

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
)

// withRequest returns a monolith as withCatalog does, in which a request to change the entry is pending.
func withRequest(t *testing.T) *business {
	t.Helper()
	b := withCatalog(t)
	b.nextID = new(uuid.MustParse(requestID))
	if _, err := b.changes.Patch(t.Context(), 1, catalogchange.Draft{End: catalogchange.Date{Sent: true}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// outcomeExpectations have outcomes with the members that are used: the fields of consume.outcomeData, and no more.
func outcomeExpectations() []expectation {
	of := func(description, outcome string, more pact.Body) pact.Event {
		data := pact.Body{"request": requestID, "outcome": outcome}
		for name, value := range more {
			data[name] = value
		}
		return pact.Event{
			Description: description, Given: aboutAnEntry(), Topic: consume.TopicEntryOutcome, Key: chairID,
			Type: "monsplit.catalog-entry.change-decided.v1", Data: data,
		}
	}
	problem := func(typ, title string, status int, detail string) pact.Body {
		return pact.Body{
			"type": pact.Pattern("https://monsplit.github.io/problems/"+typ, `^https://\S+$`), "title": pact.Text(title),
			"status": status, "detail": pact.Text(detail),
		}
	}
	const exists = "There is already an entry for this product in this market."
	invalid := problem("invalid", "Unprocessable Entity", 422, "The entry is not valid.")
	invalid["errors"] = pact.List(pact.Body{"pointer": pact.Pattern("/market", `^/\S+$`), "detail": pact.Text("never changes")})
	return []expectation{
		{of("the outcome of an accepted request", "accepted", pact.Body{"version": pact.Integer(2)}),
			outcomeIs(catalogchange.Outcome{Kind: catalogchange.Accepted, Version: 2})},
		{of("the outcome of a request that changed nothing", "unchanged", pact.Body{"version": pact.Integer(1)}),
			outcomeIs(catalogchange.Outcome{Kind: catalogchange.Unchanged, Version: 1})},
		{of("the outcome of a refused request", "refused", pact.Body{"problem": problem("entry-exists", "Conflict", 409, exists)}),
			outcomeIs(catalogchange.Outcome{Kind: catalogchange.Refused, Problem: &catalogchange.Problem{
				Type: "https://monsplit.github.io/problems/entry-exists", Title: "Conflict", Status: 409, Detail: exists,
			}})},
		{of("the outcome of a request with a fault", "refused", pact.Body{"problem": invalid}),
			outcomeIs(catalogchange.Outcome{Kind: catalogchange.Refused, Problem: &catalogchange.Problem{
				Type: "https://monsplit.github.io/problems/invalid", Title: "Unprocessable Entity", Status: 422,
				Detail: "The entry is not valid.", Faults: []catalogchange.Fault{{Pointer: "/market", Detail: "never changes"}},
			}})},
		{of("the outcome of an expired request", "expired", nil), outcomeIs(catalogchange.Outcome{Kind: catalogchange.Expired})},
		{of("the outcome of an unreadable request", "unreadable", nil), isUnreadable},
	}
}

// aboutAnEntry returns the state of the owner that gets the request.
func aboutAnEntry() pact.State {
	return pact.State{Name: "an entry that a request is about", Params: map[string]any{"id": entryID, "request": requestID}}
}

func outcomeIs(want catalogchange.Outcome) func(*testing.T, *business) {
	return func(t *testing.T, b *business) {
		t.Helper()
		a, err := b.changes.Get(t.Context(), uuid.MustParse(requestID))
		if err != nil || a.Outcome == nil {
			t.Fatalf("the request is %+v, %v", a, err)
		}
		want.Time = a.Outcome.Time
		if !reflect.DeepEqual(*a.Outcome, want) {
			t.Errorf("the outcome is %+v, problem %+v, want %+v, problem %+v", *a.Outcome, a.Outcome.Problem, want, want.Problem)
		}
	}
}

// isUnreadable fails the test unless the request is still pending, and its caller can see that an operator looks at it.
func isUnreadable(t *testing.T, b *business) {
	t.Helper()
	if a, err := b.changes.Get(t.Context(), uuid.MustParse(requestID)); err != nil || !a.Unreadable || a.Outcome != nil {
		t.Errorf("the request is %+v, %v", a, err)
	}
}

package consume_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
)

// decisions keeps what the handler records.
type decisions []catalogchange.Decision

func (d *decisions) Finish(_ context.Context, list []catalogchange.Decision) error {
	*d = append(*d, list...)
	return nil
}

const decided = "monsplit.catalog-entry.change-decided.v1"

func decide(t *testing.T, events ...consumer.Event) (decisions, error) {
	t.Helper()
	var got decisions
	err := consume.Outcomes(t.Context(), &got, events)
	return got, err
}

func outcome(data string) consumer.Event {
	return consumer.Event{Event: event.Event{Type: decided, Data: json.RawMessage(data)}}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08")
	const request = `"request":"0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"`
	tests := map[string]struct {
		data   string
		want   catalogchange.Decision
		poison string // a part of the reason; empty if the outcome is applied
	}{
		"Accepted":        {data: request + `,"outcome":"accepted","entry":"x","version":1`, want: catalogchange.Decision{Kind: catalogchange.Accepted, Version: 1}},
		"Unchanged":       {data: request + `,"outcome":"unchanged","version":7`, want: catalogchange.Decision{Kind: catalogchange.Unchanged, Version: 7}},
		"Expired":         {data: request + `,"outcome":"expired"`, want: catalogchange.Decision{Kind: catalogchange.Expired}},
		"Unreadable":      {data: request + `,"outcome":"unreadable"`, want: catalogchange.Decision{Kind: catalogchange.Unreadable}},
		"MoreMembers":     {data: request + `,"outcome":"expired","more":{}`, want: catalogchange.Decision{Kind: catalogchange.Expired}},
		"Refused":         {data: request + `,"outcome":"refused","problem":{"type":"t","title":"Conflict","status":409,"detail":"d","errors":[{"pointer":"/a","detail":"b"}]}`, want: catalogchange.Decision{Kind: catalogchange.Refused, Problem: &catalogchange.Problem{Type: "t", Title: "Conflict", Status: 409, Detail: "d", Faults: []catalogchange.Fault{{Pointer: "/a", Detail: "b"}}}}},
		"NoRequest":       {data: `"outcome":"expired"`, poison: "request is missing"},
		"BadRequest":      {data: `"request":"x","outcome":"expired"`, poison: "data: "},
		"UnknownOutcome":  {data: request + `,"outcome":"eaten"`, poison: `outcome is "eaten"`},
		"NoOutcome":       {data: request, poison: `outcome is ""`},
		"NoVersion":       {data: request + `,"outcome":"accepted"`, poison: "version is missing"},
		"NoProblem":       {data: request + `,"outcome":"refused"`, poison: "problem is missing"},
		"NoTypeOfProblem": {data: request + `,"outcome":"refused","problem":{"status":409}`, poison: "problem.type is missing"},
		"NotOurFault":     {data: request + `,"outcome":"refused","problem":{"type":"t","status":500}`, poison: "problem.status is 500"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decide(t, outcome("{"+tt.data+"}"))
			if tt.poison != "" {
				if err == nil || !strings.Contains(err.Error(), tt.poison) || len(got) > 0 {
					t.Errorf("got %+v, %v, want poison: %s", got, err, tt.poison)
				}
				return
			}
			tt.want.Request = id
			if err != nil || !reflect.DeepEqual([]catalogchange.Decision(got), []catalogchange.Decision{tt.want}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Other types and purges are nothing for the handler. The outcomes of a batch are recorded together, in their order.
func TestOutcomesOfABatch(t *testing.T) {
	t.Parallel()
	other := outcome(`{}`)
	other.Type, other.Unknown = "monsplit.catalog-entry.change-praised.v1", new(bool)
	purge := consumer.Event{Purge: true}
	one, two := uuid.NewString(), uuid.NewString()
	got, err := decide(t, outcome(`{"request":"`+one+`","outcome":"expired"}`), other, purge, outcome(`{"request":"`+two+`","outcome":"expired"}`))
	if err != nil || len(got) != 2 || got[0].Request.String() != one || got[1].Request.String() != two {
		t.Errorf("got %+v, %v", got, err)
	}
	if !*other.Unknown {
		t.Error("the other type was not reported")
	}
	if got, err := decide(t, other, purge); err != nil || len(got) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	fails := errors.New("the database is away")
	if err := consume.Outcomes(t.Context(), failing{fails}, []consumer.Event{outcome(`{"request":"` + one + `","outcome":"expired"}`)}); !errors.Is(err, fails) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Finish(context.Context, []catalogchange.Decision) error { return f.err }

// TestMappingOfOutcomes: every member of the owner's example of a refusal is used.
func TestMappingOfOutcomes(t *testing.T) {
	t.Parallel()
	var refusal event.Event
	for _, e := range exampleOutcomes(t) {
		if strings.Contains(string(e.Data), `"refused"`) {
			refusal = e
		}
	}
	apply := func(data []byte) catalogchange.Decision {
		e := refusal
		e.Data = json.RawMessage(data)
		got, err := decide(t, consumer.Event{Event: e})
		if err != nil {
			return catalogchange.Decision{} // refused
		}
		return got[0]
	}
	fill.CarriedMembers(t, "data of an outcome → consume.Outcomes → catalogchange.Decision", refusal.Data, apply, fill.Internal{
		"entry": "the request has it",
	})
}

// exampleOutcomes returns the outcomes in the owner's document.
func exampleOutcomes(t *testing.T) (outcomes []event.Event) {
	t.Helper()
	documented, err := eventschema.NewEvents(asyncapi.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range documented.Examples() {
		if x.Type != decided {
			continue
		}
		e, err := event.Decode(x.Payload)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, e)
	}
	return outcomes
}

func TestExampleOutcomes(t *testing.T) {
	t.Parallel()
	examples := exampleOutcomes(t)
	if len(examples) < 2 {
		t.Errorf("the document has %d examples", len(examples))
	}
	for _, e := range examples {
		if got, err := decide(t, consumer.Event{Event: e, Key: e.Subject}); err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", e.Data, got, err)
		}
	}
}

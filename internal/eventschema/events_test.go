package eventschema_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

func setup(t *testing.T, document []byte) *eventschema.Events {
	t.Helper()
	events, err := eventschema.NewEvents(document)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestEventsTypes(t *testing.T) {
	t.Parallel()
	const parcels = `
components:
  messages:
    Sent: { payload: { $ref: '#/components/schemas/Sent' } }
    Lost: { payload: { $ref: '#/components/schemas/Lost' } }
  schemas:
    Envelope: { properties: { type: { type: string } } }
    Sent: { allOf: [{ $ref: '#/components/schemas/Envelope' }, { properties: { type: { const: parcel.sent } } }] }
    Lost: { properties: { type: { const: parcel.lost } } }
`
	if got := setup(t, []byte(parcels)).Types(); !slices.Equal(got, []string{"parcel.lost", "parcel.sent"}) {
		t.Errorf("types are %q", got)
	}
	for name, spoiled := range map[string]string{
		"a type that is not constant": strings.Replace(parcels, "const: parcel.lost", "type: string", 1),
		"a second message of a type":  strings.Replace(parcels, "parcel.lost", "parcel.sent", 1),
	} {
		if _, err := eventschema.NewEvents([]byte(spoiled)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	for name, document := range services.AsyncAPI(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := setup(t, document)
			seen := map[string]bool{}
			for _, e := range events.Examples() {
				seen[e.Type] = true
				if err := events.Validate(e.Type, e.Payload); err != nil {
					t.Errorf("%s (%s): %v", e.Pointer, e.Name, err)
				}
			}
			if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, events.Types()) {
				t.Errorf("there are examples of %q, want one of each of %q", got, events.Types())
			}
		})
	}
}

// TestValidateBites changes a valid message in one place at a time, so that it is not valid any more.
func TestValidateBites(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(event, data map[string]any)
		want  string
	}{
		"no id":                 {func(e, _ map[string]any) { delete(e, "id") }, "id"},
		"no data":               {func(e, _ map[string]any) { delete(e, "data") }, "data"},
		"id is not a UUID":      {func(e, _ map[string]any) { e["id"] = "17" }, "uuid"},
		"another specversion":   {func(e, _ map[string]any) { e["specversion"] = "0.3" }, "/specversion"},
		"another source":        {func(e, _ map[string]any) { e["source"] = "/catalog" }, "/source"},
		"another type":          {func(e, _ map[string]any) { e["type"] = "monsplit.product.deleted.v1" }, "/type"},
		"another schema":        {func(e, _ map[string]any) { e["dataschema"] = "https://example.com/" }, "/dataschema"},
		"subject is not a UUID": {func(e, _ map[string]any) { e["subject"] = "NL" }, "/subject"},
		"time is none":          {func(e, _ map[string]any) { e["time"] = "yesterday" }, "/time"},
		"time is not UTC":       {func(e, _ map[string]any) { e["time"] = "2026-03-01T09:30:00+01:00" }, "/time"},
		"version 0":             {func(e, _ map[string]any) { e["aggregateversion"] = 0 }, "/aggregateversion"},
		"version is text":       {func(e, _ map[string]any) { e["aggregateversion"] = "1" }, "/aggregateversion"},
		"undocumented member":   {func(e, _ map[string]any) { e["shard"] = 3 }, "shard"},
		"the monolith's own id": {func(_, d map[string]any) { d["id"] = 17 }, "id"},
		"no name":               {func(_, d map[string]any) { delete(d, "name") }, "name"},
		"empty name":            {func(_, d map[string]any) { d["name"] = "" }, "/data/name"},
		"name too long":         {func(_, d map[string]any) { d["name"] = strings.Repeat("ü", 101) }, "/data/name"},
		"null":                  {func(_, d map[string]any) { d["discontinued"] = nil }, "/data/discontinued"},
	}
	events := setup(t, asyncapi.Monolith)
	examples := events.Examples()
	i := slices.IndexFunc(examples, func(e eventschema.Example) bool { return e.Type == "monsplit.product.created.v1" })
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var event map[string]any
			if err := json.Unmarshal(examples[i].Payload, &event); err != nil {
				t.Fatal(err)
			}
			tc.spoil(event, event["data"].(map[string]any))
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			err = events.Validate("monsplit.product.created.v1", payload)
			if err == nil {
				t.Fatalf("valid: %s", payload)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %q, want it to mention %s", err, tc.want)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	events := setup(t, asyncapi.Catalog)
	for name, tc := range map[string]struct{ typ, payload, want string }{
		"an unknown type":  {"monsplit.product.created.v1", "{}", "no message of type"},
		"not JSON":         {"monsplit.market.created.v1", "{", "EOF"},
		"trailing garbage": {"monsplit.market.created.v1", "{} {}", "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := events.Validate(tc.typ, []byte(tc.payload))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want it to contain %q", err, tc.want)
			}
		})
	}
}

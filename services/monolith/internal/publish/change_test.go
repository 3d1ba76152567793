package publish_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
)

func TestChange(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := time.Date(2026, 3, 1, 10, 30, 0, 123456000, time.FixedZone("", 3600))
	product := uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	tests := map[string]struct {
		op     catalogchange.Operation
		match  condition.Match
		values catalogchange.Values
		want   string // the members that differ between requests
	}{
		"Create": {catalogchange.Create, nil, catalogchange.Values{Market: new("NL"), Start: catalogchange.Date{Sent: true, Day: &day}},
			`{"operation":"create","values":{"market":"NL","availability_date":"2026-03-01"}}`},
		"PatchToNull": {catalogchange.Patch, condition.Match{2, 3}, catalogchange.Values{End: catalogchange.Date{Sent: true}},
			`{"operation":"patch","if_match":[2,3],"values":{"availability_end_date":null}}`},
		"ReplaceNothing": {catalogchange.Replace, condition.Match{}, catalogchange.Values{}, `{"operation":"replace","if_match":[],"values":{}}`},
		"PatchTheSame": {catalogchange.Patch, nil, catalogchange.Values{Product: &product, Market: new("DE")},
			`{"operation":"patch","values":{"product":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","market":"DE"}}`},
		"Delete": {catalogchange.Delete, nil, catalogchange.Values{}, `{"operation":"delete","values":{}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := catalogchange.Request{
				ID: uuid.Must(uuid.NewV7()), Operation: tt.op, Entry: uuid.Must(uuid.NewV7()), Product: product, Number: 7, ProductVersion: 4,
				Match: tt.match, Values: tt.values, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
			}
			m, err := publish.Change(r)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != r.ID || m.Topic != "monsplit.catalog-entry-request.v1" || m.Key != product.String() || m.Version != 7 || m.Type != messages.TypeCatalogEntryChangeRequested {
				t.Errorf("message %+v", m)
			}
			if err := documented.Validate(m.Type, m.Payload); err != nil {
				t.Errorf("not as documented: %v\n%s", err, m.Payload)
			}
			e, err := event.Decode(m.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != r.ID.String() || e.Source != "/monolith" || e.Subject != m.Key || !e.Time.Equal(at) || e.Version != 7 {
				t.Errorf("event %+v", e)
			}
			var got, want map[string]any
			if err := json.Unmarshal(e.Data, &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			want["entry"], want["product"], want["product_version"] = r.Entry.String(), product.String(), 4.0
			want["expires_at"] = "2026-03-01T10:30:00.123456Z"
			if !reflect.DeepEqual(got, want) {
				t.Errorf("data %s, want %v", e.Data, want)
			}
		})
	}
}

func TestMappingOfChanges(t *testing.T) {
	t.Parallel()
	newDay := func(n int) *time.Time { day := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC); return &day }
	newMatch := func(n int) condition.Match { return condition.Match{int64(n)} }
	data := func(r catalogchange.Request) messages.CatalogEntryChangeRequest {
		m, err := publish.Change(r)
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Decode(m.Payload)
		if err != nil {
			return messages.CatalogEntryChangeRequest{} // without its id, its time or its number, a request has no message
		}
		data, err := consumer.Data[messages.CatalogEntryChangeRequest](consumer.Event{Event: e})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	r := fill.Of[catalogchange.Request](t, 0, newDay, newMatch, func(int) *catalogchange.Outcome { return nil })
	const place = "catalogchange.Request → publish.Change → data of the message"
	internal := fill.Internal{
		"ID": "the envelope has it", "CreatedAt": "the envelope has it",
		"Unreadable": "the owner sets it", "Outcome": "the owner sets it",
		"AskedBy": "only the service that asks knows its users",
	}
	for _, field := range []string{"ID", "Product", "Market", "Start", "End", "Version", "UpdatedAt"} {
		internal["Wanted."+field] = "the owner decides what becomes of the entry"
	}
	fill.Carried(t, place, r, data, internal)
	got := data(r)
	for _, date := range []nullable.Nullable[types.Date]{got.Values.AvailabilityDate, got.Values.AvailabilityEndDate} {
		if _, err := date.Get(); err != nil {
			t.Errorf("%s: a date got lost: %v", place, err)
		}
	}
}

package publish_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

// check validates a message against the document, and returns its data.
func check(t *testing.T, m event.Message, typ string) map[string]any {
	t.Helper()
	documented, err := eventschema.NewEvents(asyncapi.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	if err := documented.Validate(typ, m.Payload); err != nil {
		t.Errorf("not as documented: %v\n%s", err, m.Payload)
	}
	e, err := event.Decode(m.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != m.ID.String() || e.Source != "/catalog" || e.Type != typ || e.Subject != m.Key || !e.Time.Equal(at) || e.Version != m.Version {
		t.Errorf("event %+v", e)
	}
	var data map[string]any
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMarket(t *testing.T) {
	t.Parallel()
	v := market.Market{
		Draft:   market.Draft{ISOCode: "CI", Name: "Côte d'Ivoire <&>"},
		Version: 4, CreatedAt: at.Add(-time.Hour), UpdatedAt: at,
	}
	tests := map[market.Kind]string{
		market.Created: messages.TypeMarketCreated,
		market.Updated: messages.TypeMarketUpdated,
		market.Deleted: messages.TypeMarketDeleted,
	}
	for kind, typ := range tests {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			e := market.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Time: at, Market: v}
			m, err := publish.Market(e)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != e.ID || m.Topic != "monsplit.market.v1" || m.Key != "CI" || m.Version != 4 || m.Type != typ {
				t.Errorf("message %+v", m)
			}
			data := check(t, m, typ)
			if kind != market.Deleted && (data["name"] != v.Name || data["updated_at"] != "2026-11-23T12:00:00.123456Z") {
				t.Errorf("data %v", data)
			}
			if kind == market.Deleted && len(data) != 1 {
				t.Errorf("data %v, want only the code", data)
			}
		})
	}
	if _, err := publish.Market(market.Event{Kind: "eaten", Market: v}); err == nil {
		t.Error("an unknown kind has a message")
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	start, err := entry.ParseDate("2026-03-01")
	if err != nil {
		t.Fatal(err)
	}
	v := entry.Entry{
		ID:      uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"),
		Draft:   entry.Draft{Product: uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"), Market: "NL", Start: start},
		Version: 4, CreatedAt: at.Add(-time.Hour), UpdatedAt: at,
	}
	tests := map[entry.Kind]string{
		entry.Created: messages.TypeCatalogEntryCreated,
		entry.Updated: messages.TypeCatalogEntryUpdated,
		entry.Deleted: messages.TypeCatalogEntryDeleted,
	}
	for kind, typ := range tests {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			e := entry.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Time: at, Entry: v}
			m, err := publish.Entry(e)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != e.ID || m.Topic != "monsplit.catalog-entry.v1" || m.Key != v.ID.String() || m.Version != 4 || m.Type != typ {
				t.Errorf("message %+v", m)
			}
			data := check(t, m, typ)
			if kind == entry.Deleted {
				if len(data) != 1 {
					t.Errorf("data %v, want only the id", data)
				}
				return
			}
			if end, there := data["availability_end_date"]; end != nil || !there || data["availability_date"] != "2026-03-01" {
				t.Errorf("data %v", data)
			}
		})
	}
	if _, err := publish.Entry(entry.Event{Kind: "eaten", Entry: v}); err == nil {
		t.Error("an unknown kind has a message")
	}
}

package consume_test

import (
	"encoding/json"
	"testing"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// example returns the owner's first example of the type in which no member of the data is null.
func example(t *testing.T, typ string) event.Event {
	t.Helper()
	documented, err := eventschema.NewEvents(asyncapi.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range documented.Examples() {
		e, err := event.Decode(x.Payload)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(e.Data, &members); err != nil {
			t.Fatal(err)
		}
		whole := e.Type == typ
		for _, value := range members {
			whole = whole && value != nil
		}
		if whole {
			return e
		}
	}
	t.Fatalf("the document has no example of %s without null", typ)
	return event.Event{}
}

// applied returns what the handler of e's type saves for e with other data.
func applied(t *testing.T, e event.Event, data []byte) *savedTx {
	t.Helper()
	e.Version, e.Data = e.Version+10, json.RawMessage(data) // above what is stored
	tx := &savedTx{}
	if err := handlerOf(e.Type)(t.Context(), tx, []consumer.Event{{Event: e, Key: e.Subject}}); err != nil {
		return &savedTx{markets: []catalogcopy.MarketRow{{}}, entries: []catalogcopy.EntryRow{{}}} // refused
	}
	return tx
}

func TestMappingOfMarkets(t *testing.T) {
	t.Parallel()
	e := example(t, "monsplit.market.updated.v1")
	apply := func(data []byte) catalogcopy.MarketRow { return applied(t, e, data).markets[0] }
	const place = "data of a market event → consume.Markets → catalogcopy.MarketRow"
	fill.CarriedMembers(t, place, e.Data, apply, fill.Internal{
		"iso_code": "the key of the event holds it", "version": "the envelope of the event holds it",
		"created_at": "the legacy API does not show it",
	})
	fill.Set(t, place, apply(e.Data), fill.Internal{"Row.Deleted": "the type of the event says it"})
}

func TestMappingOfEntries(t *testing.T) {
	t.Parallel()
	e := example(t, "monsplit.catalog-entry.updated.v1")
	apply := func(data []byte) catalogcopy.EntryRow { return applied(t, e, data).entries[0] }
	const place = "data of an entry event → consume.Entries → catalogcopy.EntryRow"
	fill.CarriedMembers(t, place, e.Data, apply, fill.Internal{
		"id": "the key of the event holds it", "version": "the envelope of the event holds it",
		"created_at": "the legacy API does not show it",
	})
	fill.Set(t, place, apply(e.Data), fill.Internal{"Row.Deleted": "the type of the event says it"})
}

package publish_test

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
)

// dataOf decodes the data of an encoded event.
func dataOf[D any](t *testing.T, m event.Message, err error) (data D) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.Decode(m.Payload)
	if err != nil {
		return data // without its id or its version, nothing has an event
	}
	if data, err = consumer.Data[D](consumer.Event{Event: e}); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestMappingOfMarkets(t *testing.T) {
	t.Parallel()
	data := func(v market.Market) messages.Market {
		m, err := publish.Market(market.Event{Kind: market.Updated, Time: v.UpdatedAt, Market: v})
		return dataOf[messages.Market](t, m, err)
	}
	v := fill.Of[market.Market](t, 0)
	fill.Carried(t, "market.Market → publish.Market → data of the event", v, data, fill.Internal{
		"Deleted": "the type of the event says it",
	})
	fill.Set(t, "market.Market → publish.Market → data of the event", data(v), nil)
}

func TestMappingOfEntries(t *testing.T) {
	t.Parallel()
	data := func(v entry.Entry) messages.CatalogEntry {
		m, err := publish.Entry(entry.Event{Kind: entry.Updated, Time: v.UpdatedAt, Entry: v})
		return dataOf[messages.CatalogEntry](t, m, err)
	}
	newDate := func(n int) entry.Date { return entry.DateOf(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }
	v := fill.Of[entry.Entry](t, 0, newDate)
	fill.Carried(t, "entry.Entry → publish.Entry → data of the event", v, data, fill.Internal{
		"Deleted": "the type of the event says it",
	})
	fill.Set(t, "entry.Entry → publish.Entry → data of the event", data(v), nil)
}

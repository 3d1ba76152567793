package store_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
)

func TestModelsAsTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, code := range []string{"BE", "LU", "NL"} {
		b.market(t, code)
	}
	desk := b.product(t)
	fresh, open := b.entry(t, desk, "BE", "2026-11-01", ""), b.entry(t, desk, "NL", "", "")
	gone, ended := b.entry(t, b.product(t), "BE", "", ""), date("2026-12-31")
	for _, err := range []error{
		errOf(b.markets.Replace(t.Context(), "NL", market.Draft{ISOCode: "NL", Name: "The Netherlands"}, nil)),
		errOf(b.markets.Delete(t.Context(), "LU", nil)),
		errOf(b.entries.Patch(t.Context(), open.ID, entry.Patch{End: &ended}, nil)),
		errOf(b.entries.Delete(t.Context(), gone.ID, nil)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	types := servicetest.CurrentEvents(t, b.pool, b.store.MarketModel(messages.TopicMarket, newID, publish.ReadMarket))
	for code, want := range map[string]string{"BE": messages.TypeMarketCreated, "NL": messages.TypeMarketUpdated, "LU": messages.TypeMarketDeleted} {
		if types[code] != want {
			t.Errorf("%s has an event of type %s", code, types[code])
		}
	}
	types = servicetest.CurrentEvents(t, b.pool, b.store.EntryModel(messages.TopicCatalogEntry, newID, publish.ReadEntry))
	for e, want := range map[entry.Entry]string{
		fresh: messages.TypeCatalogEntryCreated, open: messages.TypeCatalogEntryUpdated, gone: messages.TypeCatalogEntryDeleted,
	} {
		if types[e.ID.String()] != want {
			t.Errorf("the entry has an event of type %s, want %s", types[e.ID.String()], want)
		}
	}
	servicetest.Reassert(t, b.pool, b.store.EntryModel(messages.TopicCatalogEntry, newID, publish.ReadEntry), "catalog_entry")
	servicetest.Reassert(t, b.pool, b.store.MarketModel(messages.TopicMarket, newID, publish.ReadMarket), "market")
}

package httpapi

import (
	"maps"
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// setByTheService are the members that clients may send back and that have no effect.
var setByTheService = fill.Internal{
	"Version": "the service sets it", "CreatedAt": "the service sets it", "UpdatedAt": "the service sets it",
}

func TestMappingOfMarkets(t *testing.T) {
	t.Parallel()
	input := fill.Of[oapi.MarketInput](t, 0)
	fill.Carried(t, "oapi.MarketInput → toMarketDraft → market.Draft", input, toMarketDraft, setByTheService)
	fill.Set(t, "oapi.MarketInput → toMarketDraft → market.Draft", toMarketDraft(input), nil)
	replacement := fill.Of[oapi.MarketReplacement](t, 0)
	fill.Carried(t, "oapi.MarketReplacement → toMarketReplacement → market.Draft", replacement, toMarketReplacement, setByTheService)
	fill.Set(t, "oapi.MarketReplacement → toMarketReplacement → market.Draft", toMarketReplacement(replacement), nil)
	patch := fill.Of[oapi.MarketPatch](t, 0)
	fill.Carried(t, "oapi.MarketPatch → toMarketPatch → market.Patch", patch, toMarketPatch, setByTheService)
	fill.Set(t, "oapi.MarketPatch → toMarketPatch → market.Patch", toMarketPatch(patch), nil)

	m := fill.Of[market.Market](t, 0)
	show := func(m market.Market) oapi.Market { return fill.ViaJSON(t, fromMarket(m)) }
	fill.Carried(t, "market.Market → fromMarket → JSON → oapi.Market", m, show, fill.Internal{
		"Deleted": "the API hides deleted markets",
	})
	fill.Set(t, "market.Market → fromMarket → JSON → oapi.Market", show(m), nil)
}

func TestMappingOfEntries(t *testing.T) {
	t.Parallel()
	ignored := maps.Clone(setByTheService)
	ignored["ID"] = "the service sets it"
	input := fill.Of[oapi.EntryInput](t, 0, newNullableDate)
	fill.Carried(t, "oapi.EntryInput → toEntryDraft → entry.Draft", input, toEntryDraft, ignored)
	fill.Set(t, "oapi.EntryInput → toEntryDraft → entry.Draft", toEntryDraft(input), nil)
	replacement := fill.Of[oapi.EntryReplacement](t, 0, newNullableDate)
	fill.Carried(t, "oapi.EntryReplacement → toEntryReplacement → entry.Patch", replacement, toEntryReplacement, ignored)
	fill.Set(t, "oapi.EntryReplacement → toEntryReplacement → entry.Patch", toEntryReplacement(replacement), nil)
	patch := fill.Of[oapi.EntryPatch](t, 0, newNullableDate)
	fill.Carried(t, "oapi.EntryPatch → toEntryPatch → entry.Patch", patch, toEntryPatch, ignored)
	fill.Set(t, "oapi.EntryPatch → toEntryPatch → entry.Patch", toEntryPatch(patch), nil)

	e := fill.Of[entry.Entry](t, 0, newDate)
	show := func(e entry.Entry) oapi.Entry { return fill.ViaJSON(t, fromEntry(e)) }
	fill.Carried(t, "entry.Entry → fromEntry → JSON → oapi.Entry", e, show, fill.Internal{
		"Deleted": "the API hides deleted entries",
	})
	fill.Set(t, "entry.Entry → fromEntry → JSON → oapi.Entry", show(e), nil)
}

func TestMappingOfProducts(t *testing.T) {
	t.Parallel()
	p := fill.Of[productcopy.Product](t, 0)
	show := func(p productcopy.Product) oapi.Product { return fill.ViaJSON(t, fromProduct(p)) }
	fill.Carried(t, "productcopy.Product → fromProduct → JSON → oapi.Product", p, show, nil)
	fill.Set(t, "productcopy.Product → fromProduct → JSON → oapi.Product", show(p), nil)
}

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func newDate(n int) entry.Date { return entry.DateOf(day(n)) }

func newNullableDate(n int) nullable.Nullable[openapi_types.Date] {
	return nullable.NewNullableWithValue(openapi_types.Date{Time: day(n)})
}

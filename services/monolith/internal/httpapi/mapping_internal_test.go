package httpapi

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// setByTheService are the members that clients may send back and that have no effect.
var setByTheService = fill.Internal{
	"ID": "the service sets it", "ProductUUID": "the service sets it", "Version": "the service sets it",
	"CreatedAt": "the service sets it", "UpdatedAt": "the service sets it",
}

func TestMappingOfProducts(t *testing.T) {
	t.Parallel()
	input := fill.Of[oapi.ProductInput](t, 0)
	fill.Carried(t, "oapi.ProductInput → toDraft → product.Draft", input, toDraft, setByTheService)
	fill.Set(t, "oapi.ProductInput → toDraft → product.Draft", toDraft(input), nil)
	patch := fill.Of[oapi.ProductPatch](t, 0)
	fill.Carried(t, "oapi.ProductPatch → toPatch → product.Patch", patch, toPatch, setByTheService)
	fill.Set(t, "oapi.ProductPatch → toPatch → product.Patch", toPatch(patch), nil)

	p := fill.Of[product.Product](t, 0)
	show := func(p product.Product) oapi.Product { return fill.ViaJSON(t, fromProduct(p)) }
	fill.Carried(t, "product.Product → fromProduct → JSON → oapi.Product", p, show, fill.Internal{
		"Deleted": "the API hides deleted products",
	})
	fill.Set(t, "product.Product → fromProduct → JSON → oapi.Product", show(p), nil)
}

func TestMappingOfCopies(t *testing.T) {
	t.Parallel()
	m := fill.Of[catalogcopy.Market](t, 0)
	showMarket := func(m catalogcopy.Market) oapi.LegacyMarket { return fill.ViaJSON(t, fromMarket(m)) }
	fill.Carried(t, "catalogcopy.Market → fromMarket → JSON → oapi.LegacyMarket", m, showMarket, nil)
	fill.Set(t, "catalogcopy.Market → fromMarket → JSON → oapi.LegacyMarket", showMarket(m), nil)

	e := fill.Of[catalogcopy.Entry](t, 0, newDay)
	showEntry := func(e catalogcopy.Entry) oapi.LegacyEntry { return fill.ViaJSON(t, fromEntry(e)) }
	fill.Carried(t, "catalogcopy.Entry → fromEntry → JSON → oapi.LegacyEntry", e, showEntry, fill.Internal{
		"Version": "the legacy API shows it as the ETag only",
	})
	fill.Set(t, "catalogcopy.Entry → fromEntry → JSON → oapi.LegacyEntry", showEntry(e), nil)
}

func newDay(n int) *time.Time {
	day := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
	return &day
}

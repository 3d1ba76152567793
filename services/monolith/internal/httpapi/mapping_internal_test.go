package httpapi

import (
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
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

func TestMappingOfChanges(t *testing.T) {
	t.Parallel()
	newDate := func(n int) nullable.Nullable[openapi_types.Date] {
		return nullable.NewNullableWithValue(openapi_types.Date{Time: *newDay(n)})
	}
	sentBySomeone := fill.Internal{"ID": "the service sets it", "UpdatedAt": "the service sets it"}
	input := fill.Of[oapi.LegacyEntryInput](t, 0, newDate)
	fill.Carried(t, "oapi.LegacyEntryInput → inputToDraft → catalogchange.Draft", input, inputToDraft, sentBySomeone)
	fill.Set(t, "oapi.LegacyEntryInput → inputToDraft → catalogchange.Draft", inputToDraft(input), nil)
	replacement := fill.Of[oapi.LegacyEntryReplacement](t, 0, newDate)
	fill.Carried(t, "oapi.LegacyEntryReplacement → replacementToDraft → catalogchange.Draft", replacement, replacementToDraft, sentBySomeone)
	fill.Set(t, "oapi.LegacyEntryReplacement → replacementToDraft → catalogchange.Draft", replacementToDraft(replacement), nil)
	patch := fill.Of[oapi.LegacyEntryPatch](t, 0, newDate)
	fill.Carried(t, "oapi.LegacyEntryPatch → patchToDraft → catalogchange.Draft", patch, patchToDraft, sentBySomeone)
	fill.Set(t, "oapi.LegacyEntryPatch → patchToDraft → catalogchange.Draft", patchToDraft(patch), nil)
}

// The answer to a refused request has every member of the owner's problem.
func TestMappingOfProblems(t *testing.T) {
	t.Parallel()
	p := fill.Of[catalogchange.Problem](t, 0, func(n int) []catalogchange.Fault {
		return []catalogchange.Fault{fill.Of[catalogchange.Fault](t, n)}
	})
	show := func(p catalogchange.Problem) oapi.Problem {
		return fill.ViaJSON(t, *fromProblem(problemOf(catalogchange.Outcome{Problem: &p})))
	}
	const place = "catalogchange.Problem → problemOf → fromProblem → JSON → oapi.Problem"
	fill.Carried(t, place, p, show, nil)
	fill.Set(t, place, show(p), fill.Internal{"Instance": "the request of the problem has it", "RequestID": "the request of the problem has it"})
}

func newDay(n int) *time.Time {
	day := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
	return &day
}

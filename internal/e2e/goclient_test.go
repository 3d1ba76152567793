//go:build !realkafka

package e2e

// The clients know only HTTP. So these tests run with make test alone.

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// clients has the Go clients of both services of a system.
func (s *system) clients() (*monolithclient.Client, *catalogclient.Client) {
	s.t.Helper()
	monolith, err := monolithclient.New(s.monolith.url(""), apiclient.WithTimeout(patience))
	if err != nil {
		s.t.Fatal(err)
	}
	catalog, err := catalogclient.New(s.catalog.url(""), apiclient.WithTimeout(patience))
	if err != nil {
		s.t.Fatal(err)
	}
	return monolith, catalog
}

// refusedAs fails the test unless err is a problem with this name that has at least these faults.
func refusedAs(t *testing.T, err error, name string, pointers ...string) {
	t.Helper()
	problem, ok := errors.AsType[*apiclient.Problem](err)
	if !ok || problem.Name() != name || problem.RequestID == "" {
		t.Fatalf("error %v, want a problem named %s", err, name)
	}
	for _, pointer := range pointers {
		if !slices.ContainsFunc(problem.Errors, func(fault apiclient.Fault) bool { return fault.Pointer == pointer }) {
			t.Errorf("%s is not a fault of %v", pointer, problem)
		}
	}
}

func collect[T any](t *testing.T, list iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// The Go clients run through the whole life of a product and its entry. The test uses every convention, with success and failure.
func TestGoClients(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	monolith, catalog := s.clients()
	ctx := t.Context()

	key := apiclient.NewIdempotencyKey()
	input := monolithclient.ProductInput{Name: "Standing desk", ProductCategory: "Desks"}
	created, err := monolith.CreateProductWithResponse(ctx, nil, input, apiclient.IdempotencyKey(key))
	if err != nil {
		t.Fatal(err)
	}
	again, err := monolith.CreateProductWithResponse(ctx, &monolithclient.CreateProductParams{IdempotencyKey: &key}, input)
	if err != nil || *again.JSON201 != *created.JSON201 {
		t.Errorf("the same key again: %v, %+v", err, again)
	}
	input.Name = "Another desk"
	_, err = monolith.CreateProductWithResponse(ctx, nil, input, apiclient.IdempotencyKey(key))
	refusedAs(t, err, "idempotency-key-reused")
	_, err = monolith.CreateProductWithResponse(ctx, nil, monolithclient.ProductInput{Name: " "})
	refusedAs(t, err, "invalid", "/name", "/product_category")

	product, etag := created.JSON201, created.Headers201.ETag
	if etag != apiclient.ETag(product.Version) {
		t.Errorf("ETag %s of version %d", etag, product.Version)
	}
	same, err := monolith.GetProductWithResponse(ctx, product.ID, nil, apiclient.IfNoneMatch(etag))
	if err != nil || same.StatusCode() != http.StatusNotModified || same.JSON200 != nil {
		t.Errorf("the same version again: %v, %+v", err, same)
	}
	renamed, err := monolith.PatchProduct(ctx, product.ID, monolithclient.ProductPatch{Name: new("Standing desk 160")}, apiclient.IfMatch(etag))
	if err != nil || renamed.JSON200.Version != product.Version+1 || renamed.JSON200.ProductCategory != "Desks" {
		t.Fatalf("patch: %v, %+v", err, renamed)
	}
	_, err = monolith.DeleteProductWithResponse(ctx, product.ID, nil, apiclient.IfMatch(etag))
	refusedAs(t, err, "stale")
	_, err = monolith.GetProductWithResponse(ctx, product.ID+1000, nil)
	refusedAs(t, err, "not-found")
	_, err = monolith.DeleteCatalogWithResponse(ctx, 1000, nil)
	refusedAs(t, err, "not-found")

	s.checkCatalogClient(monolith, catalog, product)

	if _, err := monolith.DeleteProductWithResponse(ctx, product.ID, nil, apiclient.IfMatch(renamed.Headers200.ETag)); err != nil {
		t.Error(err)
	}
}

func (s *system) checkCatalogClient(monolith *monolithclient.Client, catalog *catalogclient.Client, product *monolithclient.Product) {
	s.t.Helper()
	t, ctx := s.t, s.t.Context()
	market, err := catalog.CreateMarketWithResponse(ctx, nil, catalogclient.MarketInput{ISOCode: "DE", Name: "Germany"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.PatchMarket(ctx, "DE", catalogclient.MarketPatch{Name: new("Deutschland")}, apiclient.IfMatch(market.Headers201.ETag)); err != nil {
		t.Error(err)
	}
	_, err = catalog.CreateEntryWithResponse(ctx, nil, catalogclient.EntryInput{Product: uuid.New(), Market: "DE"})
	refusedAs(t, err, "unknown-reference")

	var entry *catalogclient.Entry
	eventually(t, "the product can be listed", func() bool {
		answer, err := catalog.CreateEntryWithResponse(ctx, nil, catalogclient.EntryInput{Product: product.ProductUUID, Market: "DE"})
		if err != nil {
			refusedAs(t, err, "unknown-reference")
			return false
		}
		entry = answer.JSON201
		return true
	})
	if !entry.AvailabilityDate.IsNull() {
		t.Errorf("the start of %+v is not null", entry)
	}
	day := catalogclient.EntryPatch{}
	if err := day.AvailabilityEndDate.UnmarshalJSON([]byte(`"2030-12-31"`)); err != nil {
		t.Fatal(err)
	}
	ended, err := catalog.PatchEntry(ctx, entry.ID, day)
	if err != nil || ended.JSON200.AvailabilityEndDate.MustGet().String() != "2030-12-31" {
		t.Fatalf("ended: %v, %+v", err, ended)
	}
	day.AvailabilityEndDate = nullable.NewNullNullable[types.Date]()
	reopened, err := catalog.PatchEntry(ctx, entry.ID, day, apiclient.IfMatch(ended.Headers200.ETag))
	if err != nil || !reopened.JSON200.AvailabilityEndDate.IsNull() {
		t.Fatalf("reopened: %v, %+v", err, reopened)
	}
	eventually(t, "the entry arrives behind the legacy API", func() bool {
		list := collect(t, monolith.AllCatalog(ctx, monolithclient.ListCatalogParams{Product: &product.ID}))
		return len(list) == 1 && list[0].AvailabilityEndDate.IsNull()
	})
}

// The clients read all pages of a list, with its filters and in its order.
func TestGoClientsFollowPages(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	monolith, catalog := s.clients()
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprint("Shelf ", i))
		s.createProduct(want[i])
	}
	s.createProduct("Not on the list")
	codes := []string{"AT", "BE", "CH", "DE", "ES"}
	for _, code := range codes {
		s.createMarket(code)
	}
	s.settled()
	slices.Reverse(want)

	var owned, copied, legacy, markets []string
	for _, p := range collect(t, monolith.AllProducts(t.Context(), monolithclient.ListProductsParams{
		Search: new("shelf"), Sort: new(monolithclient.ListProductsParamsSortMinusName), Limit: new(int32(2))})) {
		owned = append(owned, p.Name)
		s.createEntry(p.ProductUUID.String(), "DE")
	}
	for _, p := range collect(t, catalog.AllProducts(t.Context(), catalogclient.ListProductsParams{
		Search: new("shelf"), Sort: new(catalogclient.ListProductsParamsSortMinusName), Limit: new(int32(3))})) {
		copied = append(copied, p.Name)
	}
	if !slices.Equal(owned, want) || !slices.Equal(copied, want) {
		t.Errorf("products %q and %q, want %q", owned, copied, want)
	}
	s.settled()
	for _, m := range collect(t, monolith.AllMarkets(t.Context(), monolithclient.ListMarketsParams{Sort: new(monolithclient.ListMarketsParamsSortISOCode), Limit: new(int32(2))})) {
		legacy = append(legacy, m.ISOCode)
	}
	for _, m := range collect(t, catalog.AllMarkets(t.Context(), catalogclient.ListMarketsParams{Limit: new(int32(2))})) {
		markets = append(markets, m.ISOCode)
	}
	if !slices.Equal(legacy, codes) || !slices.Equal(markets, codes) {
		t.Errorf("markets %q and %q, want %q", legacy, markets, codes)
	}
	entries := collect(t, catalog.AllEntries(t.Context(), catalogclient.ListEntriesParams{Market: new("DE"), Limit: new(int32(4))}))
	old := collect(t, monolith.AllCatalog(t.Context(), monolithclient.ListCatalogParams{Limit: new(int32(3))}))
	if len(entries) != len(want) || len(old) != len(want) {
		t.Errorf("%d entries, %d in their legacy shape, want %d", len(entries), len(old), len(want))
	}

	for _, err := range catalog.AllMarkets(t.Context(), catalogclient.ListMarketsParams{Cursor: new("made up")}) {
		refusedAs(t, err, "malformed")
	}
}

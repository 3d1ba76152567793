//go:build pact

package main

import (
	"errors"
	"iter"
	"net/http"
	"testing"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
	"github.com/monsplit/monsplit/internal/testkit/pact"
)

// nextLink leads to the page behind the one with that example's cursor.
func nextLink(path string) map[string]pact.Header {
	return map[string]pact.Header{"Link": {
		Example: `<` + path + `?cursor=b3BhcXVl&limit=2>; rel="next"`, Pattern: `<` + path + `\?.*cursor=[^&>]+.*>; rel="next"`}}
}

// entry is what the report uses of a catalog entry.
func entry(start, end any) pact.Body {
	return pact.Body{
		"product": pact.Integer(17), "market": pact.Integer(3), "availability_date": start, "availability_end_date": end,
	}
}

// product is what the report uses of a product.
func product() pact.Body {
	return pact.Body{
		"id": pact.Integer(1), "name": pact.Text("Rocking chair"), "product_category": pact.Text("Chairs"), "discontinued": pact.Bool(false),
	}
}

//nolint:paralleltest // its parts write one file
func TestConsumerContract(t *testing.T) {
	pact.Consumer(t, "legacy-report", "monolith", func(c *pact.Contract) {
		entries(c)
		lists(c)
		single(c)
	})
}

func entries(c *pact.Contract) {
	const path = "/api/v1/catalog"
	dated := pact.List(entry(pact.Day("2026-03-01"), pact.Day("2026-09-30")))
	threeEntries := pact.State{Name: "three entries"}
	c.Exchange(pact.Exchange{
		Description: "the first page of the catalog", Given: threeEntries,
		Path: path, Query: map[string]string{"limit": "2"},
		Status: http.StatusOK, ContentType: "application/json", Headers: nextLink(path), Body: dated,
	}, func(t *testing.T, url string) {
		for e, err := range client(t, url).AllCatalog(t.Context(), monolithclient.ListCatalogParams{Limit: new(int32(2))}) {
			if err != nil || e.Product != 17 || e.Market != 3 || day(e.AvailabilityDate) != "2026-03-01" || day(e.AvailabilityEndDate) != "2026-09-30" {
				t.Errorf("got %+v, %v", e, err)
			}
			break // the next page is another exchange
		}
	})
	c.Exchange(pact.Exchange{
		Description: "the page of the catalog that a link leads to", Given: threeEntries,
		Path: path, Query: map[string]string{"limit": "2"}, FromState: map[string]string{"cursor": "b3BhcXVl"},
		Status: http.StatusOK, ContentType: "application/json", Body: dated,
	}, func(t *testing.T, url string) {
		page := monolithclient.ListCatalogParams{Limit: new(int32(2)), Cursor: new("b3BhcXVl")}
		one(t, client(t, url).AllCatalog(t.Context(), page), func(e monolithclient.LegacyEntry) bool { return e.Product == 17 })
	})
	c.Exchange(pact.Exchange{
		Description: "the catalog with an entry that has no dates", Given: pact.State{Name: "an entry without dates"},
		Path: path, Query: map[string]string{"limit": "200"},
		Status: http.StatusOK, ContentType: "application/json", Body: pact.List(entry(nil, nil)),
	}, func(t *testing.T, url string) {
		one(t, client(t, url).AllCatalog(t.Context(), monolithclient.ListCatalogParams{}), func(e monolithclient.LegacyEntry) bool {
			return day(e.AvailabilityDate) == "" && day(e.AvailabilityEndDate) == ""
		})
	})
}

func lists(c *pact.Contract) {
	c.Exchange(pact.Exchange{
		Description: "all products", Given: aProduct,
		Path: "/api/v1/product", Query: map[string]string{"include_discontinued": "true", "limit": "200"},
		Status: http.StatusOK, ContentType: "application/json", Body: pact.List(product()),
	}, func(t *testing.T, url string) {
		all := client(t, url).AllProducts(t.Context(), monolithclient.ListProductsParams{IncludeDiscontinued: new(true)})
		one(t, all, func(p monolithclient.Product) bool {
			return p.ID == 1 && p.Name == "Rocking chair" && p.ProductCategory == "Chairs"
		})
	})
	c.Exchange(pact.Exchange{
		Description: "all markets", Given: pact.State{Name: "a market"},
		Path: "/api/v1/market", Query: map[string]string{"limit": "200"},
		Status: http.StatusOK, ContentType: "application/json",
		Body: pact.List(pact.Body{"id": pact.Integer(3), "iso_code": pact.Pattern("NL", `^[A-Z]{2}$`)}),
	}, func(t *testing.T, url string) {
		one(t, client(t, url).AllMarkets(t.Context(), monolithclient.ListMarketsParams{}), func(m monolithclient.LegacyMarket) bool {
			return m.ID == 3 && m.ISOCode == "NL"
		})
	})
}

// aProduct is the first product, so its integer id is 1.
var aProduct = pact.State{Name: "a product", Params: map[string]any{"product_uuid": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"}}

func single(c *pact.Contract) {
	c.Exchange(pact.Exchange{
		Description: "a product by its id", Given: aProduct, Path: "/api/v1/product/1",
		Status: http.StatusOK, ContentType: "application/json", Headers: map[string]pact.Header{"ETag": {Example: `"1"`, Pattern: `"[^"]+"`}},
		Body: product(),
	}, func(t *testing.T, url string) {
		answer, err := client(t, url).GetProductWithResponse(t.Context(), 1, nil)
		if err != nil || answer.JSON200.Name != "Rocking chair" || answer.Headers200.ETag != `"1"` {
			t.Errorf("got %+v, %v", answer, err)
		}
	})
	c.Exchange(pact.Exchange{
		Description: "a product that is not there", Given: pact.State{Name: "nothing"}, Path: "/api/v1/product/404",
		Status: http.StatusNotFound, ContentType: "application/problem+json",
		Body: pact.Body{
			"type": pact.Pattern("https://monsplit.github.io/problems/not-found", `^.*/not-found$`), "title": pact.Text("Not found"), "status": 404,
		},
	}, func(t *testing.T, url string) {
		_, err := client(t, url).GetProductWithResponse(t.Context(), 404, nil)
		if problem, ok := errors.AsType[*apiclient.Problem](err); !ok || problem.Name() != "not-found" || problem.Status != http.StatusNotFound {
			t.Errorf("got %v", err)
		}
	})
}

func client(t *testing.T, url string) *monolithclient.Client {
	t.Helper()
	c, err := monolithclient.New(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// one reads a list that has to be one right item.
func one[T any](t *testing.T, list iter.Seq2[T, error], right func(T) bool) {
	t.Helper()
	all, err := collect(list)
	if err != nil || len(all) != 1 || !right(all[0]) {
		t.Errorf("got %+v, %v", all, err)
	}
}

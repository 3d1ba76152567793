package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// offer is a line of the report. Dates are in ISO 8601, or empty if there is no date.
type offer struct {
	market, product, category string
	discontinued              bool
	from, until               string
}

// readOffers reads the offers of all products. It reads the entries first, because the products and markets of these entries
// exist by then. If it read the products first, a new entry could refer to a product that is missing in the list.
func readOffers(ctx context.Context, client *monolithclient.Client) ([]offer, error) {
	entries, err := collect(client.AllCatalog(ctx, monolithclient.ListCatalogParams{}))
	if err != nil {
		return nil, err
	}
	products, err := collect(client.AllProducts(ctx, monolithclient.ListProductsParams{IncludeDiscontinued: new(true)}))
	if err != nil {
		return nil, err
	}
	markets, err := collect(client.AllMarkets(ctx, monolithclient.ListMarketsParams{}))
	if err != nil {
		return nil, err
	}
	return join(entries, products, markets), nil
}

// readOffersOf reads the offers of one product.
func readOffersOf(ctx context.Context, client *monolithclient.Client, id int64) ([]offer, error) {
	product, err := client.GetProductWithResponse(ctx, id, nil)
	if apiclient.IsProblem(err, apiclient.NotFound) {
		return nil, fmt.Errorf("there is no product %d", id)
	}
	if err != nil {
		return nil, err
	}
	entries, err := collect(client.AllCatalog(ctx, monolithclient.ListCatalogParams{Product: &id}))
	if err != nil {
		return nil, err
	}
	markets, err := collect(client.AllMarkets(ctx, monolithclient.ListMarketsParams{}))
	if err != nil {
		return nil, err
	}
	return join(entries, []monolithclient.Product{*product.JSON200}, markets), nil
}

func collect[T any](list iter.Seq2[T, error]) (all []T, err error) {
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// join sorts the report by market, then by product. A product or market that was deleted between the reads is shown by its id.
func join(entries []monolithclient.LegacyEntry, products []monolithclient.Product, markets []monolithclient.LegacyMarket) []offer {
	product := map[int64]monolithclient.Product{}
	for _, p := range products {
		product[p.ID] = p
	}
	code := map[int64]string{}
	for _, m := range markets {
		code[m.ID] = m.ISOCode
	}
	offers := make([]offer, 0, len(entries))
	for _, e := range entries {
		p := product[e.Product]
		offers = append(offers, offer{
			market:   cmp.Or(code[e.Market], fmt.Sprint("#", e.Market)),
			product:  cmp.Or(p.Name, fmt.Sprint("#", e.Product)),
			category: p.ProductCategory, discontinued: p.Discontinued,
			from: day(e.AvailabilityDate), until: day(e.AvailabilityEndDate),
		})
	}
	slices.SortStableFunc(offers, func(a, b offer) int {
		return cmp.Or(cmp.Compare(a.market, b.market), cmp.Compare(a.product, b.product), cmp.Compare(a.category, b.category))
	})
	return offers
}

func day(date nullable.Nullable[types.Date]) string {
	if date.IsNull() || !date.IsSpecified() {
		return ""
	}
	return date.MustGet().String()
}

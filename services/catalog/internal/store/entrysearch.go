package store

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

const (
	// mostProducts is the number of products whose entries are found by the products. If more products have the text in their names, the
	// entries are read in the order of the list, and those of other products skipped: many match.
	mostProducts = 5000
	mostMarkets  = 1000 // two letters name a market, so there are fewer
)

// matching returns the conditions of a query, with those of its search.
func (e Entries) matching(ctx context.Context, q entry.Query) (keyset.Query, error) {
	sql := matchingEntries(q)
	if q.Search == "" {
		return sql, nil
	}
	found := matchingProducts(productcopy.Query{Search: q.Search, IncludeDiscontinued: true})
	products, err := list(ctx, e.s, func(r struct{ ID uuid.UUID }) uuid.UUID { return r.ID }, found.Some("SELECT id FROM product_copy", mostProducts+1))
	if err != nil {
		return sql, err
	}
	named := matchingMarkets(market.Query{Search: q.Search})
	markets, err := list(ctx, e.s, func(r struct{ Code string }) string { return r.Code }, named.Some("SELECT iso_code FROM market", mostMarkets))
	if err != nil {
		return sql, err
	}
	if code := strings.ToUpper(q.Search); market.ValidCode(code) {
		markets = append(markets, code)
	}
	id, _ := uuid.Parse(q.Search) // no entry has the zero id
	sql.Union(
		ofProducts(products, id, q.Search, markets),
		// No row may meet two conditions: the one before has the entries of other markets.
		keyset.Condition{SQL: "market = ANY (?)", Args: []any{markets}},
		keyset.Condition{SQL: "id = ? AND NOT product_uuid = ANY (?) AND NOT market = ANY (?)", Args: []any{id, append(products[:min(len(products), mostProducts)], id), markets}},
	)
	return sql, nil
}

// ofProducts keeps the entries of products in other markets than these.
func ofProducts(products []uuid.UUID, id uuid.UUID, text string, markets []string) keyset.Condition {
	c := keyset.Condition{SQL: "product_uuid = ANY (?)", Args: []any{append(products, id)}}
	if len(products) > mostProducts {
		c = keyset.Contains("p.name", text)
		c.SQL = "EXISTS (SELECT FROM product_copy p WHERE p.id = product_uuid AND NOT p.deleted AND (" + c.SQL + "))"
	}
	return keyset.Condition{SQL: c.SQL + " AND NOT market = ANY (?)", Args: append(c.Args, markets)}
}

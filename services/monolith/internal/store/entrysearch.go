package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

const (
	// mostProducts is the number of products whose entries are found by the products. If more products have the text in their names, the
	// entries are read in the order of the list, and those of other products skipped: many match.
	mostProducts = 5000
	mostMarkets  = 1000 // two letters name a market, so there are fewer
)

// searchEntries keeps the entries of which the product or the market has the text in its name, and those with the text as their number,
// as the number of their product, or as the code of their market.
func (s *Store) searchEntries(ctx context.Context, sql *keyset.Query, text string) error {
	found := matchingProducts(product.Query{Search: text, IncludeDiscontinued: true})
	products, err := list(ctx, s, func(r struct{ ID uuid.UUID }) uuid.UUID { return r.ID }, found.Some("SELECT product_uuid FROM product", mostProducts+1))
	if err != nil {
		return err
	}
	var named keyset.Query
	named.Where("version > 0 AND NOT deleted")
	named.Search("name", text)
	markets, err := list(ctx, s, func(r struct{ Code string }) string { return r.Code }, named.Some("SELECT iso_code FROM market_copy", mostMarkets))
	if err != nil {
		return err
	}
	if len(text) == 2 {
		markets = append(markets, strings.ToUpper(text))
	}
	number, _ := strconv.ParseInt(text, 10, 64) // nothing has the number 0
	if number > 0 {
		var numbered keyset.Query
		numbered.Where("id = ?", number)
		of, err := list(ctx, s, func(r struct{ ID uuid.UUID }) uuid.UUID { return r.ID }, numbered.Some("SELECT product_uuid FROM product", 1))
		if err != nil {
			return err
		}
		products = append(of, products...)
	}
	of := keyset.Condition{SQL: "e.product_uuid = ANY (?)", Args: []any{products}}
	if len(products) > mostProducts {
		of = keyset.Contains("p.name", text)
		of.SQL = "(" + of.SQL + ")"
	}
	// No row may meet two conditions.
	conditions := []keyset.Condition{
		{SQL: of.SQL + " AND NOT e.market = ANY (?)", Args: slices.Concat(of.Args, []any{markets})},
		{SQL: "e.market = ANY (?)", Args: []any{markets}},
	}
	if number > 0 {
		conditions = append(conditions, keyset.Condition{
			SQL: "e.legacy_id = ? AND NOT e.market = ANY (?) AND NOT " + of.SQL, Args: append([]any{number, markets}, of.Args...),
		})
	}
	sql.Union(conditions...)
	return nil
}

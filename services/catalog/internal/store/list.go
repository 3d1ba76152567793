package store

import (
	"context"
	"fmt"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// The columns are the columns of db.Market, in the same order.
const selectMarkets = `SELECT iso_code, name, deleted, version, created_at, updated_at FROM market`

// Markets implements market.Store.
func (m Markets) Markets(ctx context.Context, q market.Query) iter.Seq2[market.Market, error] {
	order := marketOrder(q.Sort)
	read := func(after *market.Position, limit int) ([]market.Market, error) {
		sql := matchingMarkets(q)
		if after != nil {
			sql.After(order, keyset.Value(q.Sort.By == market.ByUpdatedAt, after.Text, after.Time), after.ID)
		}
		return list(ctx, m.s, toMarket, sql.Statement(selectMarkets, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOf, read)
}

func matchingMarkets(q market.Query) (sql keyset.Query) {
	sql.Where("NOT deleted")
	sql.Search("name", q.Search)
	return sql
}

// CountMarkets implements market.Store.
func (m Markets) CountMarkets(ctx context.Context, queries []market.Query, most int) ([]int, error) {
	return count(ctx, m.s, "FROM market", queries, matchingMarkets, most)
}

func marketOrder(s market.Sort) keyset.Order {
	order := keyset.Order{By: "iso_code", Desc: s.Desc, Tie: "iso_code"}
	switch s.By {
	case market.ByName:
		order.By = "name"
	case market.ByUpdatedAt:
		order.By = "updated_at"
	}
	return order
}

// The columns are the columns of db.CatalogEntry, in the same order.
const selectEntries = `SELECT id, product_uuid, market, availability_date, availability_end_date, deleted, version,
	created_at, updated_at FROM catalog_entry`

// Entries implements entry.Store.
func (e Entries) Entries(ctx context.Context, q entry.Query) iter.Seq2[entry.Entry, error] {
	order := entryOrder(q.Sort)
	read := func(after *entry.Position, limit int) ([]entry.Entry, error) {
		sql, err := e.matching(ctx, q)
		if err != nil {
			return nil, err
		}
		if !q.AvailableOn.IsZero() {
			few, err := e.fewAvailable(ctx, q)
			if err != nil {
				return nil, err
			}
			if few != nil {
				sql.Where("id = ANY (?)", few)
			}
		}
		if after != nil {
			sql.After(order, keyset.Value(q.Sort.By == entry.ByUpdatedAt, after.Market, after.Time), after.ID)
		}
		return list(ctx, e.s, toEntry, sql.Statement(selectEntries, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOf, read)
}

func matchingEntries(q entry.Query) (sql keyset.Query) {
	sql.Where("NOT deleted")
	if q.Product != nil {
		sql.Where("product_uuid = ?", *q.Product)
	}
	if q.Market != "" {
		sql.Where("market = ?", q.Market)
	}
	if day := fromDate(q.AvailableOn); day != nil {
		sql.Where("availability_date <= ?", *day)
		sql.Where("(availability_end_date IS NULL OR availability_end_date >= ?)", *day)
	}
	return sql
}

// CountEntries implements entry.Store.
func (e Entries) CountEntries(ctx context.Context, queries []entry.Query, most int) ([]int, error) {
	statements := make([]keyset.Statement, len(queries))
	for i, q := range queries {
		sql, err := e.matching(ctx, q)
		if err != nil {
			return nil, err
		}
		statements[i] = sql.Count("FROM catalog_entry", most)
	}
	counts, err := postgres.Counts(ctx, e.s.pool, statements)
	return counts, translate(err)
}

// mostAvailable is the number of entries that fewAvailable returns at most.
const mostAvailable = 200

// fewAvailable returns the ids of all entries that are available on the day of the query, or nil if there are more than
// mostAvailable, or if the query is for one product, which has few entries. The index of days is not in the order of a list. So it
// finds entries of a day that has few of them. Otherwise the entries are read in the order of the list, and the others skipped.
func (e Entries) fewAvailable(ctx context.Context, q entry.Query) ([]uuid.UUID, error) {
	if q.Product != nil {
		return nil, nil
	}
	few, err := e.s.q.SomeAvailable(ctx, *fromDate(q.AvailableOn), mostAvailable+1)
	if err != nil {
		return nil, translate(fmt.Errorf("read the entries of a day: %w", err))
	}
	if len(few) > mostAvailable {
		return nil, nil
	}
	return few, nil
}

func entryOrder(s entry.Sort) keyset.Order {
	order := keyset.Order{By: "id", Desc: s.Desc, Tie: "id"}
	switch s.By {
	case entry.ByMarket:
		order.By = "market"
	case entry.ByUpdatedAt:
		order.By = "updated_at"
	}
	return order
}

// The columns are the fields of productcopy.Product, in the same order.
const selectProducts = `SELECT id, name, product_category, discontinued, version, updated_at FROM product_copy`

// Products implements productcopy.Store.
func (s *Store) Products(ctx context.Context, q productcopy.Query) iter.Seq2[productcopy.Product, error] {
	order := productOrder(q.Sort)
	read := func(after *productcopy.Position, limit int) ([]productcopy.Product, error) {
		sql := matchingProducts(q)
		if after != nil {
			sql.After(order, keyset.Value(q.Sort.By == productcopy.ByUpdatedAt, after.Text, after.Time), after.ID)
		}
		return list(ctx, s, inUTC, sql.Statement(selectProducts, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOf, read)
}

func matchingProducts(q productcopy.Query) (sql keyset.Query) {
	sql.Where("NOT deleted")
	switch {
	case q.OnlyDiscontinued:
		sql.Where("discontinued")
	case q.IncludeDiscontinued:
		sql.Either("NOT discontinued", "discontinued")
	default:
		sql.Where("NOT discontinued")
	}
	sql.Equal("product_category", q.Category)
	sql.Search("name", q.Search)
	return sql
}

// CountProducts implements productcopy.Store.
func (s *Store) CountProducts(ctx context.Context, queries []productcopy.Query, most int) ([]int, error) {
	return count(ctx, s, "FROM product_copy", queries, matchingProducts, most)
}

func productOrder(s productcopy.Sort) keyset.Order {
	order := keyset.Order{By: "id", Desc: s.Desc, Tie: "id"}
	switch s.By {
	case productcopy.ByName:
		order.By = "name"
	case productcopy.ByCategory:
		order.By = "product_category"
	case productcopy.ByUpdatedAt:
		order.By = "updated_at"
	}
	return order
}

func inUTC(p productcopy.Product) productcopy.Product {
	p.UpdatedAt = p.UpdatedAt.UTC()
	return p
}

// list reads rows of type R, whose fields are in the order of the columns.
func list[R, T any](ctx context.Context, s *Store, to func(R) T, statement keyset.Statement) ([]T, error) {
	values, err := postgres.Select(ctx, s.pool, to, statement)
	return values, translate(err)
}

// count counts the rows of each query. from is "FROM …".
func count[Q any](ctx context.Context, s *Store, from string, queries []Q, matching func(Q) keyset.Query, most int) ([]int, error) {
	statements := make([]keyset.Statement, len(queries))
	for i, q := range queries {
		sql := matching(q)
		statements[i] = sql.Count(from, most)
	}
	counts, err := postgres.Counts(ctx, s.pool, statements)
	return counts, translate(err)
}

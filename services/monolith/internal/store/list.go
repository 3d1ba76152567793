package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// The columns are the columns of db.Product, in the same order.
const selectProducts = `SELECT id, product_uuid, name, product_category, discontinued, deleted, version, created_at,
	updated_at FROM product`

// Products implements product.Store.
func (s *Store) Products(ctx context.Context, q product.Query) iter.Seq2[product.Product, error] {
	order := productOrder(q.Sort)
	read := func(after *product.Position, limit int) ([]product.Product, error) {
		sql := matchingProducts(q)
		if after != nil {
			sql.After(order, keyset.Value(q.Sort.By == product.ByUpdatedAt, after.Text, after.Time), after.ID)
		}
		return list(ctx, s, toProduct, sql.Statement(selectProducts, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOf, read)
}

func matchingProducts(q product.Query) (sql keyset.Query) {
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

// CountProducts implements product.Store.
func (s *Store) CountProducts(ctx context.Context, queries []product.Query, most int) ([]int, error) {
	return count(ctx, s, "FROM product", queries, matchingProducts, most)
}

// count counts the rows of each query. from is "FROM …".
func count[Q any](ctx context.Context, s *Store, from string, queries []Q, matching func(Q) keyset.Query, most int) ([]int, error) {
	statements := make([]keyset.Statement, len(queries))
	for i, q := range queries {
		sql := matching(q)
		statements[i] = sql.Count(from, most)
	}
	return s.counts(ctx, statements)
}

func (s *Store) counts(ctx context.Context, statements []keyset.Statement) ([]int, error) {
	counts, err := postgres.Counts(ctx, s.pool, statements)
	return counts, translate(err)
}

// Categories implements product.Store.
func (s *Store) Categories(ctx context.Context, most int) ([]string, error) {
	categories, err := s.q.Categories(ctx, int32(most))
	if err != nil {
		return nil, translate(fmt.Errorf("read categories: %w", err))
	}
	return categories, nil
}

func productOrder(s product.Sort) keyset.Order {
	order := keyset.Order{By: "id", Desc: s.Desc, Tie: "id"}
	switch s.By {
	case product.ByName:
		order.By = "name"
	case product.ByCategory:
		order.By = "product_category"
	case product.ByUpdatedAt:
		order.By = "updated_at"
	}
	return order
}

const (
	selectMarkets = "SELECT id, iso_code, name, updated_at " + fromMarkets
	fromMarkets   = "FROM market_copy JOIN legacy_market_id USING (iso_code)"
)

// Markets implements catalogcopy.Store.
func (s *Store) Markets(ctx context.Context, q catalogcopy.MarketQuery) iter.Seq2[catalogcopy.Market, error] {
	order := marketOrder(q.Sort)
	read := func(after *catalogcopy.Position, limit int) ([]catalogcopy.Market, error) {
		sql := matchingMarkets(q)
		if after != nil {
			sql.After(order, keyset.Value(q.Sort.By == catalogcopy.ByUpdatedAt, after.Text, after.Time), after.ID)
		}
		return list(ctx, s, inUTC, sql.Statement(selectMarkets, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOfMarket, read)
}

func matchingMarkets(q catalogcopy.MarketQuery) (sql keyset.Query) {
	sql.Where("version > 0 AND NOT deleted")
	sql.Search("name", q.Search)
	return sql
}

// CountMarkets implements catalogcopy.Store.
func (s *Store) CountMarkets(ctx context.Context, queries []catalogcopy.MarketQuery, most int) ([]int, error) {
	return count(ctx, s, fromMarkets, queries, matchingMarkets, most)
}

func marketOrder(s catalogcopy.Sort) keyset.Order {
	order := keyset.Order{By: "id", Desc: s.Desc, Tie: "id"}
	switch s.By {
	case catalogcopy.ByISOCode:
		order.By = "iso_code"
	case catalogcopy.ByName:
		order.By = "name"
	case catalogcopy.ByUpdatedAt:
		order.By = "updated_at"
	}
	return order
}

func inUTC(m catalogcopy.Market) catalogcopy.Market {
	m.UpdatedAt = m.UpdatedAt.UTC()
	return m
}

// An entry is listed when its product and its market are known: the legacy form needs their integers. The market is joined by an
// expression, so that PostgreSQL does not begin with the markets: in the order of their codes, it would read all entries of the first
// one, and sort them.
const (
	selectEntries = `SELECT e.legacy_id, p.id, m.id, e.availability_date, e.availability_end_date, e.version, e.updated_at, e.market
	` + fromEntries
	fromEntries = `FROM catalog_entry_copy e
	JOIN product p ON p.product_uuid = e.product_uuid
	JOIN market_copy c ON c.iso_code = e.market || '' AND c.version > 0
	JOIN legacy_market_id m ON m.iso_code = c.iso_code`
)

// Entries implements catalogcopy.Store.
func (s *Store) Entries(ctx context.Context, q catalogcopy.EntryQuery) iter.Seq2[catalogcopy.Entry, error] {
	order := entryOrder(q.Sort)
	read := func(after *catalogcopy.Position, limit int) ([]catalogcopy.Entry, error) {
		sql, err := s.matchingEntries(ctx, q)
		if err != nil {
			return nil, err
		}
		if after != nil {
			code, err := s.marketCode(ctx, after.Market)
			if err != nil {
				return nil, err
			}
			sql.After(order, keyset.Value(q.Sort.By == catalogcopy.ByUpdatedAt, code, after.Time), after.ID)
		}
		return list(ctx, s, entryInUTC, sql.Statement(selectEntries, order, limit))
	}
	return keyset.Pages(q.Limit, q.After, q.Sort.PositionOfEntry, read)
}

func (s *Store) matchingEntries(ctx context.Context, q catalogcopy.EntryQuery) (keyset.Query, error) {
	sql := shownEntries()
	// With a subquery, the planner knows that an index has the entries of the one product in the order of the list.
	if q.Product != 0 {
		sql.Where("e.product_uuid = (SELECT product_uuid FROM product WHERE id = ?)", q.Product)
	}
	// The planner has to see the market itself: where most entries are of one market, it would read those for any market.
	if q.Market != 0 {
		code, err := s.marketCode(ctx, q.Market)
		if err != nil {
			return sql, err
		}
		sql.Where("e.market = ?", code) // no market has the empty code
	}
	if q.Search != "" {
		return sql, s.searchEntries(ctx, &sql, q.Search)
	}
	return sql, nil
}

// marketCode returns the code of the market with the monolith's own id, or "" if there is none.
func (s *Store) marketCode(ctx context.Context, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	code, err := s.q.LegacyMarket(ctx, id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", translate(fmt.Errorf("read the code of market %d: %w", id, err))
	}
	return code, nil
}

// CountEntries implements catalogcopy.Store.
func (s *Store) CountEntries(ctx context.Context, queries []catalogcopy.EntryQuery, most int) ([]int, error) {
	statements := make([]keyset.Statement, len(queries))
	for i, q := range queries {
		sql, err := s.matchingEntries(ctx, q)
		if err != nil {
			return nil, err
		}
		statements[i] = sql.Count(fromEntries, most)
	}
	return s.counts(ctx, statements)
}

// Entry implements catalogcopy.Store.
func (s *Store) Entry(ctx context.Context, id int64) (catalogcopy.Entry, error) {
	sql := shownEntries()
	sql.Where("e.legacy_id = ?", id)
	entries, err := list(ctx, s, entryInUTC, sql.Statement(selectEntries, entryOrder(catalogcopy.Sort{}), 1))
	if err != nil {
		return catalogcopy.Entry{}, err
	}
	if len(entries) == 0 {
		return catalogcopy.Entry{}, noEntry(id)
	}
	return entries[0], nil
}

// OwnerID implements catalogcopy.Store.
func (s *Store) OwnerID(ctx context.Context, id int64) (uuid.UUID, error) {
	owner, err := s.q.LegacyEntry(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return uuid.Nil, noEntry(id)
	case err != nil:
		return uuid.Nil, translate(fmt.Errorf("read the owner's id of entry %d: %w", id, err))
	}
	return owner, nil
}

func noEntry(id int64) error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no catalog entry %d.", id))
}

// EntryVersions implements catalogcopy.Store.
func (s *Store) EntryVersions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := s.q.EntryVersions(ctx, ids)
	if err != nil {
		return nil, translate(fmt.Errorf("read versions of entries: %w", err))
	}
	versions := make(map[uuid.UUID]int64, len(rows))
	for _, row := range rows {
		versions[row.ID] = row.Version
	}
	return versions, nil
}

func shownEntries() (sql keyset.Query) {
	sql.Where("e.version > 0 AND NOT e.deleted")
	return sql
}

func entryOrder(s catalogcopy.Sort) keyset.Order {
	order := keyset.Order{By: "e.legacy_id", Desc: s.Desc, Tie: "e.legacy_id"}
	switch s.By {
	case catalogcopy.ByISOCode:
		order.By = "e.market"
	case catalogcopy.ByUpdatedAt:
		order.By = "e.updated_at"
	}
	return order
}

// entryRow has the columns of selectEntries. The code of the market is one of them because a list can have its order.
type entryRow struct {
	catalogcopy.Entry
	Code string
}

func entryInUTC(r entryRow) catalogcopy.Entry {
	r.UpdatedAt = r.UpdatedAt.UTC()
	return r.Entry
}

// list reads rows of type R, whose fields are in the order of the columns.
func list[R, T any](ctx context.Context, s *Store, to func(R) T, statement keyset.Statement) ([]T, error) {
	values, err := postgres.Select(ctx, s.pool, to, statement)
	return values, translate(err)
}

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// beginSearch begins a transaction whose plans may use a trigram index (pg_trgm). PostgreSQL reads such an index by a bitmap
// alone, which pgtx.PlannerSettings turns off: other statements would choose it by wrong statistics.
const beginSearch = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL enable_bitmapscan = on"

// beginTrigrams begins a transaction whose plans use bitmaps alone. Otherwise PostgreSQL would read a list in its order and skip what does
// not match, if it believes that many rows do.
const beginTrigrams = beginSearch + "; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off"

// beginOf returns how the transaction of a statement that searches begins.
func beginOf(s keyset.Statement) string {
	if s.Trigrams {
		return beginTrigrams
	}
	return beginSearch
}

// Select reads rows of type R, whose fields are in the order of the columns, and converts each.
func Select[R, T any](ctx context.Context, pool DB, convert func(R) T, s keyset.Statement) (values []T, err error) {
	switch {
	case s.Search != nil:
		values, err = search(ctx, pool, convert, *s.Search)
	case s.Searches:
		values, err = inSearch(ctx, pool, convert, s)
	default:
		values, err = collect(ctx, pool, convert, s)
	}
	if pgtx.SQLState(err) == "57014" && ctx.Err() == nil { // query_canceled: statement_timeout
		return nil, apperr.New(apperr.Unavailable,
			"The database took too long for this list. Use a filter that fewer items match, or search for a longer text.").Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("select %T: %w", *new(R), err)
	}
	return values, nil
}

// search reads a part of a list of what matches a text. See keyset.Search.
func search[R, T any](ctx context.Context, pool DB, convert func(R) T, s keyset.Search) ([]T, error) {
	values, err := collect(ctx, pool, convert, s.Walk)
	if err != nil || len(values) == s.Limit {
		return values, err
	}
	var last place
	err = pgtx.Run(ctx, pool, beginTrigrams, func(tx pgx.Tx) error {
		values, last, err = found(ctx, tx, convert, s.Found)
		return err
	})
	if err != nil || last.found <= int64(s.Most) {
		return values, err
	}
	return inSearch(ctx, pool, convert, s.UpTo(last.by, last.tie))
}

// inSearch reads rows by a trigram index.
func inSearch[R, T any](ctx context.Context, pool DB, convert func(R) T, s keyset.Statement) (values []T, err error) {
	err = pgtx.Run(ctx, pool, beginOf(s), func(tx pgx.Tx) error {
		values, err = collect(ctx, tx, convert, s)
		return err
	})
	return values, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func collect[R, T any](ctx context.Context, q querier, convert func(R) T, s keyset.Statement) ([]T, error) {
	rows, err := q.Query(ctx, s.SQL, s.Args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		value, err := pgx.RowToStructByPos[R](row)
		return convert(value), err
	})
}

// place is what keyset.Search.Found has after the columns of the list.
type place struct {
	found   int64
	by, tie any
}

// placeColumns is how many columns a place has.
const placeColumns = 3

// found reads the rows of keyset.Search.Found, and the place of the last one.
func found[R, T any](ctx context.Context, tx pgx.Tx, convert func(R) T, s keyset.Statement) (values []T, last place, err error) {
	rows, err := tx.Query(ctx, s.SQL, s.Args...)
	if err != nil {
		return nil, place{}, err
	}
	values, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		value, err := pgx.RowToStructByPos[R](placedRow{row, &last})
		return convert(value), err
	})
	return values, last, err
}

// placedRow is a row without its place, which is read by the way.
type placedRow struct {
	pgx.CollectableRow
	place *place
}

// RawValues implements pgx.CollectableRow.
func (r placedRow) RawValues() [][]byte {
	all := r.CollectableRow.RawValues()
	return all[:len(all)-placeColumns]
}

// Scan implements pgx.CollectableRow.
func (r placedRow) Scan(dest ...any) error {
	return r.CollectableRow.Scan(append(dest, &r.place.found, &r.place.by, &r.place.tie)...)
}

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

// Select reads rows of type R, whose fields are in the order of the columns, and converts each.
func Select[R, T any](ctx context.Context, pool DB, convert func(R) T, s keyset.Statement) (values []T, err error) {
	read := func(q querier) (err error) {
		values, err = collect(ctx, q, convert, s)
		return err
	}
	if s.Searches {
		err = pgtx.Run(ctx, pool, beginSearch, func(tx pgx.Tx) error { return read(tx) })
	} else {
		err = read(pool)
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

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Select reads rows of type R, whose fields are in the order of the columns, and converts each.
func Select[R, T any](ctx context.Context, pool DB, convert func(R) T, sql string, args []any) ([]T, error) {
	rows, err := pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("select %T: %w", *new(R), err)
	}
	values, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		value, err := pgx.RowToStructByPos[R](row)
		return convert(value), err
	})
	if err != nil {
		return nil, fmt.Errorf("select %T: %w", *new(R), err)
	}
	return values, nil
}

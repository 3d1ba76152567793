package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// The numbers are only of help, so a page must not wait for them.
const (
	limitCount = "SET LOCAL statement_timeout = 100" // milliseconds, for one count
	limitAll   = 150 * time.Millisecond              // after this time, Counts begins no more of them
	atOnce     = 8                                   // counts that are sent together
)

// Counts returns the results of keyset.Query.Count, in their order. If they take too long, it returns only the first ones, or none.
func Counts(ctx context.Context, pool DB, statements []keyset.Statement) (counts []int, err error) {
	begin := ""
	if i := slices.IndexFunc(statements, func(s keyset.Statement) bool { return s.Searches }); i >= 0 {
		begin = beginOf(statements[i])
	}
	err = pgtx.Run(ctx, pool, begin, func(tx pgx.Tx) error {
		counts = nil // the transaction may run again
		if _, err := tx.Exec(ctx, limitCount); err != nil {
			return err
		}
		for began := time.Now(); len(counts) < len(statements) && time.Since(began) < limitAll; {
			// The first count is of all rows. It is worth more than the others, so it does not share their fate.
			part := statements[len(counts):min(len(counts)+atOnce, len(statements))]
			if len(counts) == 0 {
				part = part[:1]
			}
			if counts, err = addCounts(ctx, tx, counts, part); err != nil {
				return err
			}
		}
		return nil
	})
	if pgtx.SQLState(err) == "57014" && ctx.Err() == nil { // query_canceled: statement_timeout
		return counts, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	return counts, nil
}

// addCounts adds the results of some statements. If one fails, it returns those before it.
func addCounts(ctx context.Context, tx pgx.Tx, counts []int, statements []keyset.Statement) (_ []int, err error) {
	batch := &pgx.Batch{}
	for _, s := range statements {
		batch.Queue(s.SQL, s.Args...)
	}
	results := tx.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for range statements {
		n := 0
		if err := results.QueryRow().Scan(&n); err != nil {
			return counts, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

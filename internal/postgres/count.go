package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// limitCount bounds the time of each count. The numbers are only of help, so a page must not wait for them.
const limitCount = "SET LOCAL statement_timeout = 100"

// Counts returns the results of keyset.Query.Count. If one of the counts takes too long, it returns nil: nothing is known then.
func Counts(ctx context.Context, pool DB, statements []keyset.Statement) (counts []int, err error) {
	begin := ""
	batch := &pgx.Batch{}
	batch.Queue(limitCount)
	for _, s := range statements {
		batch.Queue(s.SQL, s.Args...)
		if s.Searches {
			begin = beginOf(s)
		}
	}
	err = pgtx.Run(ctx, pool, begin, func(tx pgx.Tx) error {
		counts, err = readCounts(tx.SendBatch(ctx, batch), len(statements))
		return err
	})
	if pgtx.SQLState(err) == "57014" && ctx.Err() == nil { // query_canceled: statement_timeout
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	return counts, nil
}

// readCounts reads the answers to a batch: the one to limitCount first.
func readCounts(results pgx.BatchResults, n int) (counts []int, err error) {
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	counts = make([]int, n)
	for i := range counts {
		if err := results.QueryRow().Scan(&counts[i]); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

package request

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// finishedAtOnce bounds one statement of DeleteFinished, and so how long it holds its locks.
const finishedAtOnce = 10_000

// DeleteFinished deletes the requests that were finished longer ago than keep. It never deletes a pending request. Several
// instances may call it at the same time.
func DeleteFinished(ctx context.Context, pool *pgxpool.Pool, keep time.Duration) error {
	for {
		n, err := messagingdb.New(pool).DeleteFinishedRequests(ctx, keep, finishedAtOnce)
		if err != nil {
			return fmt.Errorf("delete finished requests: %w", err)
		}
		if n < finishedAtOnce {
			return nil
		}
	}
}

package journey

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// forgetRows bounds one DELETE, so that it takes no longer than a moment.
const forgetRows = 5_000

// Forget deletes what is older than the retention; 0 keeps everything. Call it often.
func Forget(ctx context.Context, pool *pgxpool.Pool, retention time.Duration) error {
	if retention <= 0 {
		return nil
	}
	q := messagingdb.New(pool)
	for _, forget := range []func() (int64, error){
		func() (int64, error) { return q.ForgetConsumed(ctx, forgetRows, retention) },
		func() (int64, error) { return q.ForgetSent(ctx, retention, forgetRows) },
	} {
		for {
			deleted, err := forget()
			if err != nil {
				return fmt.Errorf("forget the way of old events: %w", err)
			}
			if deleted < forgetRows {
				break
			}
		}
	}
	return nil
}

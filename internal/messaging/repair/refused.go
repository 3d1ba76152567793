package repair

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Refused says which events that Kafka refuses are meant.
type Refused struct {
	Topic, Key string // for RetryRefused, empty stands for all
	DryRun     bool   // find out what would be changed; this needs no operator
}

// RetryRefused makes the relay try refused events again now. It returns their aggregates as they were.
func RetryRefused(ctx context.Context, pool *pgxpool.Pool, by audit.Operator, r Refused) (aggregates []outbox.BlockedAggregate, err error) {
	action := record{by: by, command: "outbox retry", dryRun: r.DryRun}
	err = action.change(ctx, pool, func(tx pgx.Tx, _ int64) (any, error) {
		aggregates, err = outbox.RetryRefused(ctx, tx, r.Topic, r.Key)
		return aggregates, err
	})
	return aggregates, err
}

// DiscardRefused takes the refused event of an aggregate out of the outbox, so that it is never published. Consumers then miss a
// version, and take the next one. It returns the event, or outbox.ErrNotBlocked.
func DiscardRefused(ctx context.Context, pool *pgxpool.Pool, by audit.Operator, r Refused) (event outbox.ListedEvent, err error) {
	action := record{by: by, command: "outbox discard", dryRun: r.DryRun}
	err = action.change(ctx, pool, func(tx pgx.Tx, _ int64) (any, error) {
		event, err = outbox.DiscardRefused(ctx, tx, r.Topic, r.Key)
		return event, err
	})
	return event, err
}

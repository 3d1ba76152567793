package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// ErrNotBlocked is what DiscardRefused returns if no event of the aggregate is refused.
var ErrNotBlocked = errors.New("no event of this key is refused")

// RetryRefused makes the relay try the refused events again with its next sweep. An empty topic or key stands for all. It
// returns the aggregates as they were.
func RetryRefused(ctx context.Context, tx pgx.Tx, topic, key string) ([]BlockedAggregate, error) {
	rows, err := messagingdb.New(tx).RetryBlocked(ctx, orNil(topic), orNil(key))
	if err != nil {
		return nil, fmt.Errorf("end the waits of refused events: %w", err)
	}
	aggregates := make([]BlockedAggregate, len(rows))
	for i, row := range rows {
		aggregates[i] = toBlocked(row)
	}
	return aggregates, nil
}

// DiscardRefused takes the refused event of an aggregate out of the outbox. It is never published, unless Kafka has just
// accepted it. The later events of the aggregate go on. It returns ErrNotBlocked if no event is refused.
func DiscardRefused(ctx context.Context, tx pgx.Tx, topic, key string) (ListedEvent, error) {
	q := messagingdb.New(tx)
	row, err := q.UnblockAggregate(ctx, topic, key)
	if errors.Is(err, pgx.ErrNoRows) {
		return ListedEvent{}, ErrNotBlocked
	}
	if err != nil {
		return ListedEvent{}, fmt.Errorf("find the refused event of %s: %w", key, err)
	}
	if err := q.DiscardPending(ctx, row.Shard, row.Topic, row.Seq); err != nil {
		return ListedEvent{}, fmt.Errorf("discard the refused event of %s: %w", key, err)
	}
	return ListedEvent{
		Seq: row.Seq, Time: row.CreatedAt.UTC(), Topic: row.Topic, Key: row.Key, Version: row.Version, Type: row.Type, Discarded: true,
	}, nil
}

func toBlocked(row messagingdb.OutboxBlocked) BlockedAggregate {
	return BlockedAggregate{
		Topic: row.Topic, Key: row.Key, Attempts: int(row.Attempts), RetryAt: row.RetryAt.UTC(), LastError: row.LastError,
	}
}

package consumer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Bury stores an event as an open dead letter. It is for a handler that has put an event of a queue topic aside, to apply it
// later in a transaction of its own, and then finds that the event can never be applied. The consumer is past the event. The
// caller does what Config.DeadLettered would do.
func Bury(ctx context.Context, tx pgx.Tx, e Event, value []byte, fault error) error {
	letter, err := newLetter(item{
		record: broker.Fetched{Record: broker.Record{Key: []byte(e.Key), Value: value, Headers: e.Headers}}, event: e, err: fault,
	}, "poison")
	if err != nil {
		return err
	}
	if _, err := messagingdb.New(tx).InsertDeadLetter(ctx, letter); err != nil {
		return fmt.Errorf("store a dead letter: %w", err)
	}
	return nil
}

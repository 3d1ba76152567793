package consumer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Bury stores an event as an open dead letter. It is for a handler that has put an event aside, to apply it later in
// transactions of its own, and then finds that it can never be applied. The consumer is past such an event. value is the
// encoded event.
func Bury(ctx context.Context, tx pgx.Tx, e Event, value []byte, fault error) error {
	headers, err := encodeHeaders(e.Headers)
	if err != nil {
		return err
	}
	letter := messagingdb.InsertDeadLetterParams{
		Topic: e.Topic, Part: int32(e.Partition), At: e.Offset, Key: []byte(e.Key), Value: value, Headers: headers,
		Code: "poison", Reason: deadLetterReason(fault), State: Open,
	}
	if e.ID != "" {
		letter.EventID = &e.ID
	}
	if e.Version > 0 {
		letter.Version = &e.Version
	}
	if _, err := messagingdb.New(tx).InsertDeadLetter(ctx, letter); err != nil {
		return fmt.Errorf("store a dead letter: %w", err)
	}
	return nil
}

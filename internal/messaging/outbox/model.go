package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Model is a model that a service owns, as the commands see it that publish its state again. Keys are in the order of their
// bytes.
type Model struct {
	Topic string
	// Count returns the number of aggregates, deleted ones included.
	Count func(ctx context.Context, tx pgx.Tx) (int, error)
	// Page locks the aggregates with the next keys after the given one, at most limit. It returns each as an event of its
	// current version with its current state, deleted ones too, in the order of the keys.
	Page func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error)
}

// Progress is told how far a long command is. It may be nil.
type Progress func(done, total int)

func (p Progress) tell(done, total int) {
	if p != nil {
		p(done, total)
	}
}

// withoutPending returns the events whose version is not pending: the relay publishes the others anyway.
func withoutPending(ctx context.Context, tx pgx.Tx, topic string, events []event.Message) ([]event.Message, error) {
	keys, versions := make([]string, len(events)), make([]int64, len(events))
	for i, m := range events {
		keys[i], versions[i] = m.Key, m.Version
	}
	pending, err := messagingdb.New(tx).PendingVersions(ctx, keys, versions, topic)
	if err != nil {
		return nil, fmt.Errorf("look for pending events of %s: %w", topic, err)
	}
	skip := make(map[string]bool, len(pending))
	for _, key := range pending {
		skip[key] = true
	}
	var rest []event.Message
	for _, m := range events {
		if !skip[m.Key] {
			rest = append(rest, m)
		}
	}
	return rest, nil
}

// pace waits so long that no more than rate aggregates were published in each second since began. Rate 0 is without limit.
func pace(ctx context.Context, began time.Time, done, rate int) error {
	if rate <= 0 {
		return ctx.Err()
	}
	wait := time.NewTimer(time.Until(began.Add(time.Duration(done) * time.Second / time.Duration(rate))))
	defer wait.Stop()
	select {
	case <-wait.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

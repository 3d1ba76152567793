package request

import (
	"context"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// DeadLettered is the consumer.DeadLetteredFunc of the topic. It publishes the outcome Unreadable for a request that became a
// dead letter. Without an id or a usable key there is no outcome: nobody could be told.
func (o *Owner[T, R]) DeadLettered(ctx context.Context, tx T, e consumer.Event, _ string) error {
	return o.conclude(ctx, tx, e, Outcome{Kind: Unreadable})
}

// Discarded is the consumer.DiscardedFunc of the topic. It publishes a final outcome for a dead letter that is given up.
func (o *Owner[T, R]) Discarded(ctx context.Context, tx T, e consumer.Event, _, note string) error {
	return o.conclude(ctx, tx, e, Outcome{Kind: Refused, Refusal: o.cfg.Discarded(note)})
}

// conclude publishes the outcome of the event's request, unless the request already has a final one.
func (o *Owner[T, R]) conclude(ctx context.Context, tx T, e consumer.Event, outcome Outcome) error {
	id, _ := uuid.Parse(e.ID) // uuid.Nil if it is none
	if id == uuid.Nil || !o.cfg.UsableKey(e.Key) {
		return nil
	}
	s, err := o.lock(ctx, tx, []string{e.Key})
	if err != nil {
		return err
	}
	if handled, err := s.handled(ctx, id); err != nil || handled {
		return err
	}
	outcome.Request, outcome.Key = id, e.Key
	s.note(outcome, o.cfg.Now())
	return s.finish(ctx)
}

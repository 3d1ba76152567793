package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// An event whose handler takes longer than Config.Timeout would hold its partition for ever. So it becomes a dead letter, with
// the code "timeout", if both are true:
//
//   - It has timed out triesAlone times in a transaction of its own.
//   - During the last of these tries, other events were applied, of this partition or another one. If none were, the consumer
//     rehearses the next events of the partition: it applies one of another key, and rolls back. If nothing else can be applied
//     either, the database is slow, not the event. Then nothing becomes a dead letter, however long that lasts.
//
// An event that is alone, with nothing behind it and nothing beside it, is tried again without an end: it delays nothing. The
// partition is shown as held meanwhile.

// triesAlone is how often an event is tried in a transaction of its own.
const triesAlone = 3

// codeTimeout is the code of a dead letter whose event was not applied in time.
const codeTimeout = "timeout"

// lateError is the error of a handler that has not ended within Config.Timeout.
type lateError struct{ cause error }

func (e *lateError) Error() string { return "not applied in time: " + e.cause.Error() }
func (e *lateError) Unwrap() error { return e.cause }

// slowEvent is the event at the partition's position if it has timed out in a transaction of its own.
type slowEvent struct {
	offset int64
	tries  int
}

// isSlow reports whether the first item of a batch has timed out before, so that trying the batch as a whole is in vain.
func (c *Consumer[T]) isSlow(p *partition, b batch) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(b.items) > 0 && p.slow.tries > 0 && p.slow.offset == b.items[0].record.Offset
}

// countSlowTry counts a try that has timed out, and returns how many there were.
func (c *Consumer[T]) countSlowTry(p *partition, offset int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.slow.offset != offset {
		p.slow = slowEvent{offset: offset}
	}
	p.slow.tries++
	return p.slow.tries
}

// judgeLate returns poison instead of err if the item has timed out so often, while other events were applied, that it must not
// hold its partition any longer. appliedBefore is how many batches with events had been applied when the try began. later are
// the next items of the partition.
func (c *Consumer[T]) judgeLate(ctx context.Context, p *partition, it item, later []item, appliedBefore int64, err error) error {
	if _, late := errors.AsType[*lateError](err); !late {
		return err
	}
	tries := c.countSlowTry(p, it.record.Offset)
	if tries < triesAlone || c.applied.Load() == appliedBefore && !c.othersApply(ctx, it, later) {
		return err
	}
	return &poisonError{code: codeTimeout, reason: fmt.Sprintf("its handler did not end within %v, %d times, while other events were applied",
		c.cfg.Timeout, tries)}
}

// rehearsals is how many of the next events are rehearsed.
const rehearsals = 3

// errRehearsed rolls a rehearsal back that has succeeded.
var errRehearsed = errors.New("the rehearsal has succeeded")

// othersApply reports whether one of the next events, of another key, can be applied in time. It changes nothing.
func (c *Consumer[T]) othersApply(ctx context.Context, slow item, later []item) bool {
	left := rehearsals
	for _, it := range later {
		if it.err != nil || it.ignored || it.event.Key == slow.event.Key {
			continue
		}
		if err := c.rehearse(ctx, it); errors.Is(err, errRehearsed) {
			return true
		}
		if left--; left == 0 {
			break
		}
	}
	return false
}

func (c *Consumer[T]) rehearse(ctx context.Context, it item) error {
	release, err := c.takeSlot(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return pgtx.Run(ctx, c.pool, beginTx, func(tx pgx.Tx) error {
		if err := c.callHandler(ctx, it.event.Topic, c.cfg.Bind(tx), []Event{it.forHandler()}); err != nil {
			return err
		}
		return errRehearsed
	})
}

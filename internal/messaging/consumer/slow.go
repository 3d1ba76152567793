package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// An event whose handler takes longer than Config.Timeout would hold its partition forever. So it becomes a dead letter, with
// the code "timeout", if both are true:
//
//   - It has timed out triesAlone times in a transaction of its own, over a time of triesAlone times Config.Timeout. A
//     connection may give up a locked row earlier than Config.Timeout. Such tries count too, but the event gets no less time.
//   - During the last of these tries, other events of its topic were applied, of this partition or another one. If none were, the
//     consumer rehearses the next events of the partition: it applies one of another key, and rolls back. If nothing else can be
//     applied either, the database is slow, or the topic's table is locked. Then nothing becomes a dead letter, however long
//     that lasts. Events of other topics show nothing, because they may need other tables.
//
// An event that is alone, with nothing behind it and nothing beside it, is tried again without an end: it delays nothing. The
// partition is shown as held meanwhile.

// triesAlone is how often an event is tried in a transaction of its own.
const triesAlone = 3

// codeTimeout is the code of a dead letter whose event was not applied in time.
const codeTimeout = "timeout"

// lateError is the error of a handler that has not ended in time.
type lateError struct{ cause error }

func (e *lateError) Error() string { return "not applied in time: " + e.cause.Error() }
func (e *lateError) Unwrap() error { return e.cause }

// isLate reports whether a handler has failed because it took too long, while ctx still lives. A connection waits less for a locked
// row than Config.Timeout. It is the same lock, so it counts the same.
func isLate(ctx context.Context, err error) bool {
	return timedOut(ctx, err) || ctx.Err() == nil && pgtx.SQLState(err) == "55P03" // lock_not_available
}

// slowEvent is the event at the partition's position if it has timed out in a transaction of its own. The zero value means that
// no event has.
type slowEvent struct {
	offset int64
	tries  int
	since  time.Time // when the first try began
}

// isSlow reports whether the first item of a batch has timed out before, so that trying the batch as a whole is in vain.
func (c *Consumer[T]) isSlow(p *partition, b batch) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(b.items) > 0 && p.slow.tries > 0 && p.slow.offset == b.items[0].record.Offset
}

// countSlowTry counts a try that has timed out. It returns what is known about the event then.
func (c *Consumer[T]) countSlowTry(p *partition, offset int64, began time.Time) slowEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.slow.tries == 0 || p.slow.offset != offset {
		p.slow = slowEvent{offset: offset, since: began}
	}
	p.slow.tries++
	return p.slow
}

// tryAlone is a try to apply one item in a transaction of its own.
type tryAlone struct {
	item          item
	later         []item // the next items of the partition
	began         time.Time
	appliedBefore int64 // what appliedOf returned when the try began
}

// judgeLate returns poison instead of err if the item has timed out so often, while other events were applied, that it must not
// hold its partition any longer.
func (c *Consumer[T]) judgeLate(ctx context.Context, p *partition, t tryAlone, err error) error {
	if _, late := errors.AsType[*lateError](err); !late {
		return err
	}
	slow := c.countSlowTry(p, t.item.record.Offset, t.began)
	tried := c.cfg.Now().Sub(slow.since)
	if slow.tries < triesAlone || tried < triesAlone*c.cfg.Timeout {
		return err
	}
	if c.appliedOf(t.item.event.Topic) == t.appliedBefore && !c.othersApply(ctx, t.item, t.later) {
		return err
	}
	return &poisonError{code: codeTimeout, reason: fmt.Sprintf("its handler did not end in time, %d times in %v, while other events of the topic were applied",
		slow.tries, tried.Round(time.Millisecond))}
}

// appliedOf returns how many batches with events of a topic were applied.
func (c *Consumer[T]) appliedOf(topic string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied[topic]
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

package consumer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// commit runs one transaction. It first moves the positions, then calls the handlers, then updates the dead letters.
//
// H2 zombie consumer: a consumer is paused in this function, its partition moves to another instance, which applies the same
// records, and the paused one continues. It waits for the lock of the position's row, sees that the position has moved, and
// commits nothing.
func (c *Consumer[T]) commit(ctx context.Context, beginSQL string, jobs ...*job) error {
	release, err := c.takeSlot(ctx)
	if err != nil {
		return err
	}
	defer release()
	started := c.cfg.Now()
	events := eventsOf(jobs)
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	ctx, end := c.startSpan(ctx, jobs, events)
	mayHaveDeadLetters, conflicts := make([]bool, len(jobs)), make([]conflictChange, len(jobs))
	var used []T // the service's transactions, for Committed
	err = pgtx.Run(ctx, c.pool, beginSQL, func(tx pgx.Tx) error {
		forgetReports(jobs)
		used = nil
		if err := movePositions(ctx, tx, jobs); err != nil {
			return err
		}
		if len(events) > 0 {
			used = append(used, c.cfg.Bind(tx))
		}
		for topic, events := range byTopic(events) {
			err := c.callHandler(ctx, topic, used[0], events)
			if isLate(whole, err) {
				return &lateError{err}
			}
			if err != nil {
				return err
			}
		}
		for i, j := range jobs {
			open, told, err := c.updateDeadLetters(ctx, j.p, tx, j.batch)
			if err != nil {
				return err
			}
			mayHaveDeadLetters[i], used = open, append(used, told...)
			if conflicts[i], err = c.updateConflicts(ctx, j.p, tx, j.batch); err != nil {
				return err
			}
		}
		return c.recordEvents(ctx, tx, itemsOf(jobs))
	})
	end(err)
	if err != nil {
		return err
	}
	for i, j := range jobs {
		c.recordCommit(ctx, j.p, j.batch, mayHaveDeadLetters[i], started)
		c.recordConflicts(ctx, j.p, j.tp.Topic, j.tp.Partition, conflicts[i])
	}
	c.committed(used)
	return nil
}

// takeSlot waits until another transaction may begin. Call release at its end.
func (c *Consumer[T]) takeSlot(ctx context.Context) (release func(), err error) {
	select {
	case c.transactionSlots <- struct{}{}:
		return func() { <-c.transactionSlots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// committed reports the commit of the service's transactions to the service.
func (c *Consumer[T]) committed(used []T) {
	for _, tx := range used {
		c.cfg.Committed(tx)
	}
}

// eventsOf returns the events to apply, in the order of the jobs. Jobs are sorted by topic, and each is in offset order.
func eventsOf(jobs []*job) []Event {
	n := 0
	for _, j := range jobs {
		n += len(j.items)
	}
	events := make([]Event, 0, n)
	for _, j := range jobs {
		for i := range j.items {
			it := &j.items[i]
			if it.err != nil || it.ignored {
				continue
			}
			events = append(events, it.forHandler())
		}
	}
	return events
}

// forgetReports forgets what handlers have reported in a transaction that was rolled back.
func forgetReports(jobs []*job) {
	for _, j := range jobs {
		for i := range j.items {
			j.items[i].unknown, j.items[i].comparison = false, NotCompared
		}
	}
}

// byTopic yields the events topic by topic. They must be sorted by topic.
func byTopic(events []Event) iter.Seq2[string, []Event] {
	return func(yield func(string, []Event) bool) {
		for len(events) > 0 {
			n := 1
			for n < len(events) && events[n].Topic == events[0].Topic {
				n++
			}
			if !yield(events[0].Topic, events[:n]) {
				return
			}
			events = events[n:]
		}
	}
}

// beginTx begins every transaction that calls a handler. It pins the planner to indexes, because all statements of these
// transactions find rows by key. A copy is empty when its statements are first planned, and may soon have a million rows. A
// plan for the empty table would read the whole table for each batch (measured: 1.5 ms an event at 12,000 rows, and growing).
const beginTx = pgtx.BeginPinned

// callHandler calls the topic's handler, and turns its panic into an error.
func (c *Consumer[T]) callHandler(ctx context.Context, topic string, tx T, events []Event) error {
	handler, ok := c.cfg.Topics[topic]
	if !ok {
		return fmt.Errorf("no handler for the topic %s", topic)
	}
	return catchPanic(func() error { return handler(ctx, tx, events) })
}

// catchPanic calls f, and turns its panic into an error.
func catchPanic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

// recordCommit updates state, metrics and log after a commit.
func (c *Consumer[T]) recordCommit(ctx context.Context, p *partition, b batch, mayHaveDeadLetters bool, started time.Time) {
	c.mu.Lock()
	p.position, p.mayHaveDeadLetters, p.slow = b.next, mayHaveDeadLetters, slowEvent{}
	for _, it := range b.items {
		p.deadInARow.add(it)
	}
	c.mu.Unlock()
	now := c.cfg.Now()
	effects := false
	for _, it := range b.items {
		if it.ignored {
			c.log.LogAttrs(ctx, slog.LevelWarn, "a record without a value has no effect in this topic",
				slog.String("topic", b.tp.Topic), slog.Int("partition", b.tp.Partition), slog.Int64("offset", it.record.Offset))
			continue
		}
		if it.err == nil {
			effects = true
			c.metrics.countApplied(it.event, now)
			if it.unknown {
				c.countUnknownType(ctx, it.event)
			}
			continue
		}
		code, _ := c.poisonCode(it.err)
		c.metrics.countDeadLetter(b.tp.Topic, code)
		attrs := []slog.Attr{
			slog.String("topic", b.tp.Topic), slog.Int("partition", b.tp.Partition), slog.Int64("offset", it.record.Offset),
			slog.String("key", escapeUnprintable(it.event.Key, "")), slog.String("code", code), slog.String("reason", deadLetterReason(it.err)),
		}
		var panicked *panicError
		if errors.As(it.err, &panicked) {
			attrs = append(attrs, slog.String("stack", string(panicked.stack)))
		}
		c.log.LogAttrs(ctx, slog.LevelError, "an event is now a dead letter", attrs...)
	}
	if effects {
		c.mu.Lock()
		c.applied[b.tp.Topic]++
		c.mu.Unlock()
		c.metrics.observeApply(b.tp.Topic, now.Sub(started))
	}
}

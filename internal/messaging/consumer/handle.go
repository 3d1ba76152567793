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

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// batch is what one transaction applies: the items of one partition in [from, next).
type batch struct {
	tp         broker.TopicPartition
	topicID    broker.TopicID // of the log that the items are from; zero if it is not known
	from, next int64
	epoch      int32 // the leader epoch of the batch before next; -1 if it is not known
	items      []item
}

// Handle implements broker.PartitionHandler. It applies the batch in one transaction. If an event in the batch is poisoned,
// it applies the batch again, one transaction an event.
func (c *Consumer[T]) Handle(
	ctx context.Context, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched,
) error {
	if len(records) == 0 && next.Offset <= from {
		return nil
	}
	p := c.partition(tp)
	b := batch{tp: tp, topicID: next.TopicID, from: from, next: next.Offset, epoch: next.LeaderEpoch, items: make([]item, len(records))}
	if b.topicID.IsZero() {
		b.topicID = c.topicID(p) // the brokers tell no ids
	}
	for i, r := range records {
		if r.Offset < from || r.Offset >= next.Offset || i > 0 && r.Offset <= records[i-1].Offset {
			return c.finishBatch(ctx, p, tp, fmt.Errorf("offset %d is out of order in [%d, %d)", r.Offset, from, next.Offset), false)
		}
		b.items[i] = decodeRecord(tp, b.topicID, r)
		if r.Value == nil && c.cfg.Queues[tp.Topic] {
			b.items[i].err, b.items[i].ignored = nil, true
		}
	}
	b, cut := c.cutAtLimit(p, b)
	err := c.applyShared(ctx, p, b)
	moved := false
	if err == nil {
		err = c.pauseAtLimit(ctx, p, tp)
	}
	if err == nil && cut {
		err = broker.ErrReseek // the client has a longer batch
	}
	if _, is := c.poisonCode(err); is || len(b.items) > 1 && (batchTimedOut(ctx, err) || c.failsAgain(ctx, p, err)) {
		c.log.LogAttrs(ctx, slog.LevelInfo, "the batch cannot be applied as a whole, applying its events one by one",
			slog.String("partition", tp.String()), slog.Int64("from", from), slog.Any("error", err))
		moved, err = c.applyEach(ctx, p, b)
	}
	return c.finishBatch(ctx, p, tp, err, moved)
}

func (c *Consumer[T]) topicID(p *partition) broker.TopicID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.topicID
}

// batchTimedOut reports whether the transaction's own time-out ended the batch. Retrying it whole would time out again.
func batchTimedOut(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || pgtx.SQLState(err) == "57014") // query_canceled
}

// triesTogether is how often a batch is tried as a whole.
const triesTogether = 3

// failsAgain reports whether the batch has failed so often that its events have to be applied one by one. Then the position
// shows which of them fails, and those before it are applied.
func (c *Consumer[T]) failsAgain(ctx context.Context, p *partition, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return err != nil && ctx.Err() == nil && !errors.Is(err, broker.ErrReseek) && p.failures >= triesTogether
}

// applyEach applies each item in a transaction of its own. It reports whether the position moved before the error.
func (c *Consumer[T]) applyEach(ctx context.Context, p *partition, b batch) (moved bool, err error) {
	from := b.from
	for i, it := range b.items {
		one := batch{tp: b.tp, topicID: b.topicID, from: from, next: it.record.Offset + 1, epoch: it.record.LeaderEpoch, items: []item{it}}
		if i == len(b.items)-1 {
			one.next, one.epoch = b.next, b.epoch
		}
		err := c.apply(ctx, p, one)
		if _, is := c.poisonCode(err); is {
			one.items[0].err = err
			err = c.apply(ctx, p, one)
		}
		if err != nil {
			return i > 0, err
		}
		if err := c.pauseAtLimit(ctx, p, b.tp); err != nil {
			return true, err
		}
		from = one.next
	}
	return true, nil
}

// apply applies one batch in a transaction of its own.
func (c *Consumer[T]) apply(ctx context.Context, p *partition, b batch) error {
	return c.commit(ctx, beginTx, &job{p: p, batch: b})
}

// commit runs one transaction. It first moves the positions, then calls the handlers, then updates the dead letters.
//
// H2 zombie consumer: a consumer is paused in this function, its partition moves to another instance, which applies the same
// records, and the paused one continues. It waits for the lock of the position's row, sees that the position has moved, and
// commits nothing.
func (c *Consumer[T]) commit(ctx context.Context, beginSQL string, jobs ...*job) error {
	select {
	case c.transactionSlots <- struct{}{}:
		defer func() { <-c.transactionSlots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	started := c.cfg.Now()
	events := eventsOf(jobs)
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	ctx, end := c.startSpan(ctx, jobs, events)
	mayHaveDeadLetters, conflicts := make([]bool, len(jobs)), make([]conflictChange, len(jobs))
	var used []T // the service's transactions, for Committed
	err := pgtx.Run(ctx, c.pool, beginSQL, func(tx pgx.Tx) error {
		forgetReports(jobs)
		used = nil
		if err := movePositions(ctx, tx, jobs); err != nil {
			return err
		}
		if len(events) > 0 {
			used = append(used, c.cfg.Bind(tx))
		}
		for topic, events := range byTopic(events) {
			if err := c.callHandler(ctx, topic, used[0], events); err != nil {
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
		return nil
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
	p.position, p.mayHaveDeadLetters = b.next, mayHaveDeadLetters
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
		c.metrics.observeApply(b.tp.Topic, now.Sub(started))
	}
}

// finishBatch turns the outcome of a batch into what Handle returns to the broker's client. After an error that is not an
// event's fault, it marks the partition as held and waits. The client then offers the batch again.
func (c *Consumer[T]) finishBatch(
	ctx context.Context, p *partition, tp broker.TopicPartition, err error, moved bool,
) error {
	if err == nil {
		c.clearHold(ctx, p, tp)
		return nil
	}
	if errors.Is(err, broker.ErrReseek) {
		if !errors.Is(err, errPaused) {
			c.log.LogAttrs(ctx, slog.LevelInfo, "another instance or a command has moved or paused the position",
				slog.String("partition", tp.String()))
		}
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	c.mu.Lock()
	p.failures++
	if p.held == "" {
		p.heldSince = c.cfg.Now()
	}
	p.held = deadLetterReason(err)
	failures, stopping := p.failures, c.stopping
	c.mu.Unlock()
	c.metrics.countRetry(tp.Topic)
	pause := retryDelay(failures, c.cfg.BackoffMin, c.cfg.BackoffMax)
	if shouldLog(failures) {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a partition is held until its batch can be applied",
			slog.String("partition", tp.String()), slog.Int("attempts", failures), slog.Duration("pause", pause), slog.Any("error", err))
	}
	sleep(ctx, stopping, pause)
	if moved {
		return fmt.Errorf("part of the batch was applied: %w: %w", broker.ErrReseek, err)
	}
	return err
}

// clearHold marks the partition as no longer held.
func (c *Consumer[T]) clearHold(ctx context.Context, p *partition, tp broker.TopicPartition) {
	c.mu.Lock()
	failures, since := p.failures, p.heldSince
	p.failures, p.held = 0, ""
	c.mu.Unlock()
	if failures > 0 {
		c.log.LogAttrs(ctx, slog.LevelInfo, "the partition is no longer held", slog.String("partition", tp.String()),
			slog.Int("attempts", failures), slog.Duration("held", c.cfg.Now().Sub(since)))
	}
}

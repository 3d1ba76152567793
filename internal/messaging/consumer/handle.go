package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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

// Handle implements broker.PartitionHandler. It applies the batch in one transaction. If the batch cannot be applied as a whole,
// each event gets a transaction of its own.
//
//	Handle ─► decode ─► cutAtLimit ─► applyBatch ─┬─► applyShared ─► commit    the whole batch
//	                                              │        │ goesApart
//	                                              │        ▼
//	                                              └─► applyEach ─► applyOne    one event: commit, judgeLate; if it is poison,
//	                                                       │                   commit again, as a dead letter
//	                                                       ▼
//	                                                  finishBatch              hold, or ErrReseek, or done
func (c *Consumer[T]) Handle(
	ctx context.Context, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched,
) error {
	if len(records) == 0 && next.Offset <= from {
		return nil
	}
	p := c.partition(tp)
	b, err := c.decode(p, tp, from, next, records)
	if err != nil {
		return c.finishBatch(ctx, p, tp, err, false)
	}
	b, cut := c.cutAtLimit(p, b)
	moved, err := c.applyBatch(ctx, p, b)
	if err == nil && cut {
		err = broker.ErrReseek // the client has a longer batch
	}
	return c.finishBatch(ctx, p, tp, err, moved)
}

// decode makes a batch of the records in [from, next).
func (c *Consumer[T]) decode(p *partition, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched) (batch, error) {
	b := batch{tp: tp, topicID: next.TopicID, from: from, next: next.Offset, epoch: next.LeaderEpoch, items: make([]item, len(records))}
	if b.topicID.IsZero() {
		b.topicID = c.topicID(p) // the brokers tell no ids
	}
	for i, r := range records {
		if r.Offset < from || r.Offset >= next.Offset || i > 0 && r.Offset <= records[i-1].Offset {
			return b, fmt.Errorf("offset %d is out of order in [%d, %d)", r.Offset, from, next.Offset)
		}
		b.items[i] = decodeRecord(tp, b.topicID, r)
		if r.Value == nil && c.cfg.Queues[tp.Topic] {
			b.items[i].err, b.items[i].ignored = nil, true
		}
	}
	return b, nil
}

func (c *Consumer[T]) topicID(p *partition) broker.TopicID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.topicID
}

// applyBatch applies a batch as a whole or, if that fails, event by event. It reports whether the position moved before an
// error.
func (c *Consumer[T]) applyBatch(ctx context.Context, p *partition, b batch) (moved bool, err error) {
	if !c.isSlow(p, b) {
		if err = c.applyShared(ctx, p, b); err == nil {
			return false, c.pauseAtLimit(ctx, p, b.tp)
		}
		if !c.goesApart(ctx, p, b, err) {
			return false, err
		}
		c.log.LogAttrs(ctx, slog.LevelInfo, "the batch cannot be applied as a whole, applying its events one by one",
			slog.String("partition", b.tp.String()), slog.Int64("from", b.from), slog.Any("error", err))
	}
	return c.applyEach(ctx, p, b)
}

// triesTogether is how often a batch is tried as a whole.
const triesTogether = 3

// goesApart reports whether the events of a batch that has failed are to be applied one by one: an event is poison, or the batch
// took too long, so it would do so again, or it has failed so often that the position should show which event fails.
func (c *Consumer[T]) goesApart(ctx context.Context, p *partition, b batch, err error) bool {
	if _, is := c.poisonCode(err); is || timedOut(ctx, err) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, late := errors.AsType[*lateError](err)
	return (len(b.items) > 1 || late) && ctx.Err() == nil && !errors.Is(err, broker.ErrReseek) && p.failures >= triesTogether
}

// timedOut reports whether an operation has ended because its own time was over, while ctx, which it got, still lives.
func timedOut(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || pgtx.SQLState(err) == "57014") // query_canceled
}

// applyEach applies each item in a transaction of its own. It reports whether the position moved before the error, or should be
// read again.
func (c *Consumer[T]) applyEach(ctx context.Context, p *partition, b batch) (moved bool, err error) {
	from := b.from
	for i, it := range b.items {
		one := batch{tp: b.tp, topicID: b.topicID, from: from, next: it.record.Next(), epoch: it.record.LeaderEpoch, items: []item{it}}
		later := b.items[i+1:]
		if len(later) == 0 {
			one.next, one.epoch = b.next, b.epoch
		}
		if err := c.applyOne(ctx, p, one, later); err != nil {
			_, late := errors.AsType[*lateError](err)
			return i > 0 || late && len(later) == 0, err // when the position is read again, there may be events behind this one
		}
		if err := c.pauseAtLimit(ctx, p, b.tp); err != nil {
			return true, err
		}
		from = one.next
	}
	return true, nil
}

// applyOne applies a batch of one item. If the item can never be applied, it becomes a dead letter.
func (c *Consumer[T]) applyOne(ctx context.Context, p *partition, one batch, later []item) error {
	try := tryAlone{item: one.items[0], later: later, began: c.cfg.Now(), appliedBefore: c.appliedOf(one.tp.Topic)}
	err := c.judgeLate(ctx, p, try, c.apply(ctx, p, one))
	if _, is := c.poisonCode(err); is {
		one.items[0].err = err
		err = c.apply(ctx, p, one)
	}
	return err
}

// apply applies one batch in a transaction of its own.
func (c *Consumer[T]) apply(ctx context.Context, p *partition, b batch) error {
	return c.commit(ctx, beginTx, &job{p: p, batch: b})
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
		return fmt.Errorf("the rest of the batch is read again: %w: %w", broker.ErrReseek, err)
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

package consumer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Position implements broker.PartitionHandler. A partition that was never read starts at the start of its log. A position
// that does not say which log it belongs to, as those of earlier releases, is taken to belong to the present one. The error of
// a paused partition is a *broker.HaltError.
func (c *Consumer[T]) Position(ctx context.Context, tp broker.TopicPartition, log broker.LogStart) (broker.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	q, part := messagingdb.New(c.pool), int32(tp.Partition)
	err := q.SeedPosition(ctx, messagingdb.SeedPositionParams{
		Topic: tp.Topic, Part: part, NextOffset: log.Offset, TopicID: log.TopicID.UUID(),
	})
	if err != nil {
		return broker.Position{}, fmt.Errorf("seed the position of %s: %w", tp, err)
	}
	if err := c.trust(ctx, q, tp, log.TopicID); err != nil {
		return broker.Position{}, err
	}
	row, err := q.GetPosition(ctx, tp.Topic, part)
	if err != nil {
		return broker.Position{}, fmt.Errorf("read the position of %s: %w", tp, err)
	}
	if err := pausedError(row); err != nil {
		p := c.partition(tp)
		c.mu.Lock()
		p.position, p.topicID, p.paused = row.NextOffset, broker.TopicID(row.TopicID), true
		c.mu.Unlock()
		return broker.Position{}, err
	}
	open, err := q.HasOpenDeadLetters(ctx, tp.Topic, part)
	if err != nil {
		return broker.Position{}, fmt.Errorf("look for dead letters of %s: %w", tp, err)
	}
	conflicts, err := q.CountConflictsOf(ctx, tp.Topic, part)
	if err != nil {
		return broker.Position{}, fmt.Errorf("count conflicts of %s: %w", tp, err)
	}
	p := c.partition(tp)
	c.mu.Lock()
	if p.position != row.NextOffset || p.topicID != broker.TopicID(row.TopicID) {
		p.failures, p.held, p.slow = 0, "", slowEvent{} // these belong to another batch
	}
	p.position, p.topicID, p.mayHaveDeadLetters = row.NextOffset, broker.TopicID(row.TopicID), open
	if p.paused { // an operator has resumed it
		p.paused, p.deadInARow = false, keysInARow{}
	}
	p.setConflicts(conflicts)
	c.mu.Unlock()
	return broker.Position{Offset: row.NextOffset, LeaderEpoch: row.LeaderEpoch, TopicID: broker.TopicID(row.TopicID)}, nil
}

// trust stores the topic's id in a position that has none.
func (c *Consumer[T]) trust(ctx context.Context, q *messagingdb.Queries, tp broker.TopicPartition, id broker.TopicID) error {
	if id.IsZero() {
		return nil
	}
	trusted, err := q.TrustTopic(ctx, id.UUID(), tp.Topic, int32(tp.Partition))
	if err != nil {
		return fmt.Errorf("store the topic id of %s: %w", tp, err)
	}
	if trusted > 0 {
		c.log.LogAttrs(ctx, slog.LevelInfo, "the position did not say which topic it belongs to; it now belongs to the present one",
			slog.String("partition", tp.String()), slog.String("topic_id", id.String()))
	}
	return nil
}

// StoreEpoch implements broker.EpochStore. If the position has changed meanwhile, it stores nothing.
func (c *Consumer[T]) StoreEpoch(ctx context.Context, tp broker.TopicPartition, at broker.Position) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return messagingdb.New(c.pool).StoreEpoch(ctx, messagingdb.StoreEpochParams{
		LeaderEpoch: at.LeaderEpoch, Topic: tp.Topic, Part: int32(tp.Partition), NextOffset: at.Offset, TopicID: at.TopicID.UUID(),
	})
}

// movePositions moves the positions of the jobs, in the transaction that applies them.
//
// H30 recreated topic: a consumer is paused in a batch, the topic is created again, and an operator adopts the new topic at
// the same offset. The paused consumer then continues with records of the old log. So the topic id is compared too.
func movePositions(ctx context.Context, tx pgx.Tx, jobs []*job) error {
	var p messagingdb.MovePositionsParams
	for _, j := range jobs {
		p.Topics, p.Parts = append(p.Topics, j.tp.Topic), append(p.Parts, int32(j.tp.Partition))
		p.TopicIds = append(p.TopicIds, j.topicID.UUID())
		p.Froms, p.Nexts, p.Epochs = append(p.Froms, j.from), append(p.Nexts, j.next), append(p.Epochs, j.epoch)
	}
	moved, err := messagingdb.New(tx).MovePositions(ctx, p)
	if err != nil {
		return fmt.Errorf("move the position: %w", err)
	}
	if int(moved) < len(jobs) {
		return fmt.Errorf("the position of %s is not %d: %w", jobs[0].tp, jobs[0].from, broker.ErrReseek)
	}
	return nil
}

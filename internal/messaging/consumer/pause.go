package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// The codes of a partition that is paused, in the database, until an operator resumes it. To the broker's client it is halted.
const (
	Paused          broker.HaltCode = "paused"            // by an operator
	ManyDeadLetters broker.HaltCode = "many_dead_letters" // by the consumer: see Config.DeadLettersInARow
)

// PausedPartition is a partition that was paused or resumed.
type PausedPartition struct {
	Topic     string          `json:"topic"`
	Partition int             `json:"partition"`
	Position  int64           `json:"position"` // the next offset to apply
	Code      broker.HaltCode `json:"code"`
	Reason    string          `json:"reason"`
}

// Pause stops the reading of a partition, or of AllPartitions of a topic, until Resume. Running consumers notice it with their
// next batch, or a moment later. Partitions that are paused already stay as they are, and are not returned. A partition that was
// never read cannot be paused.
func Pause(ctx context.Context, tx pgx.Tx, topic string, partition int, code broker.HaltCode, reason string) ([]PausedPartition, error) {
	rows, err := messagingdb.New(tx).PausePositions(ctx, messagingdb.PausePositionsParams{
		Code: string(code), Reason: reason, Topic: topic, Part: partOrNil(partition),
	})
	if err != nil {
		return nil, fmt.Errorf("pause %s: %w", topic, err)
	}
	paused := make([]PausedPartition, len(rows))
	for i, row := range rows {
		paused[i] = PausedPartition{Topic: topic, Partition: int(row.Part), Position: row.NextOffset, Code: code, Reason: reason}
	}
	return paused, nil
}

// Resume ends the pause of a partition, or of AllPartitions of a topic. It returns those that were paused, and why.
func Resume(ctx context.Context, tx pgx.Tx, topic string, partition int) ([]PausedPartition, error) {
	rows, err := messagingdb.New(tx).ResumePositions(ctx, topic, partOrNil(partition))
	if err != nil {
		return nil, fmt.Errorf("resume %s: %w", topic, err)
	}
	resumed := make([]PausedPartition, len(rows))
	for i, row := range rows {
		resumed[i] = PausedPartition{
			Topic: topic, Partition: int(row.Part), Position: row.NextOffset, Code: broker.HaltCode(row.PausedCode), Reason: row.PausedReason,
		}
	}
	return resumed, nil
}

func partOrNil(partition int) *int32 {
	if partition == AllPartitions {
		return nil
	}
	part := int32(partition)
	return &part
}

// pausedError returns the error by which Position tells the broker's client that the partition is paused, or nil.
func pausedError(row messagingdb.GetPositionRow) error {
	if row.PausedCode == nil {
		return nil
	}
	paused := &broker.HaltError{Code: broker.HaltCode(*row.PausedCode)}
	if row.PausedReason != nil {
		paused.Reason = *row.PausedReason
	}
	return paused
}

// A bad deployment, or a bad publisher, makes every event a dead letter. Then dead letters would bury a whole topic, and the
// copies would be wrong for all its aggregates. So a partition is paused after some dead letters in a row, of different
// aggregates. One aggregate alone may have any number of them: it delays no other.

// cutAtLimit returns the part of the batch up to the event with which so many dead letters are in a row that the partition is
// paused, and whether it has cut something off. It knows only the events that cannot be decoded: the others are counted when they
// have failed.
func (c *Consumer[T]) cutAtLimit(p *partition, b batch) (head batch, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := p.deadInARow.clone()
	for i, it := range b.items {
		if row.add(it); c.atLimit(row) && i < len(b.items)-1 {
			b.items = b.items[:i+1]
			b.next, b.epoch = it.record.Next(), it.record.LeaderEpoch
			return b, true
		}
	}
	return b, false
}

// pauseAtLimit pauses the partition if there are so many dead letters in a row. Then it returns an error that wraps
// broker.ErrReseek.
func (c *Consumer[T]) pauseAtLimit(ctx context.Context, p *partition, tp broker.TopicPartition) error {
	c.mu.Lock()
	n, limit := len(p.deadInARow), c.atLimit(p.deadInARow)
	c.mu.Unlock()
	if !limit {
		return nil
	}
	reason := fmt.Sprintf("%d events in a row, of different aggregates, could not be applied", n)
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		_, err := Pause(ctx, tx, tp.Topic, tp.Partition, ManyDeadLetters, reason)
		return err
	})
	if err != nil {
		return err
	}
	c.log.LogAttrs(ctx, slog.LevelError, "a partition is paused", slog.String("partition", tp.String()),
		slog.String("code", string(ManyDeadLetters)), slog.String("reason", reason))
	return errors.Join(errPaused, broker.ErrReseek)
}

var errPaused = errors.New("the partition is paused")

func (c *Consumer[T]) atLimit(row keysInARow) bool {
	return c.cfg.DeadLettersInARow > 0 && len(row) >= c.cfg.DeadLettersInARow
}

// keysInARow are the keys of the dead letters since the last event that was applied.
type keysInARow map[string]struct{}

func (r keysInARow) clone() keysInARow {
	copied := make(keysInARow, len(r)+1)
	for key := range r {
		copied[key] = struct{}{}
	}
	return copied
}

// add counts an item that was applied, or that is a dead letter.
func (r keysInARow) add(it item) {
	switch {
	case it.ignored:
	case it.err == nil:
		clear(r)
	default:
		key := string(it.record.Key)
		if it.record.Unreadable != nil {
			key = fmt.Sprintf("offset %d", it.record.Offset) // each unreadable batch counts
		}
		r[key] = struct{}{}
	}
}

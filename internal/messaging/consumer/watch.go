package consumer

import (
	"context"
	"log/slog"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// place is where a position is: in which log, at which offset, and whether it is paused.
type place struct {
	topicID broker.TopicID
	offset  int64
	paused  bool
}

// watch looks for what a command has changed, positions and conflicts, until ctx is done. A partition that gets records
// notices the change with its next batch, but a command must also work for a partition without new records.
func (c *Consumer[T]) watch(ctx context.Context, client Client) {
	ticker := time.NewTicker(c.cfg.Beat)
	defer ticker.Stop()
	suspects := map[broker.TopicPartition]place{}
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		suspects = c.comparePositions(ctx, client, suspects)
		c.countConflicts(ctx)
	}
}

// comparePositions compares the stored positions of this member's partitions with what this process knows. A position that a
// batch has moved a moment ago differs too, but only once. So only a position that was the same at the last look is taken
// as changed. It returns the positions that differ.
func (c *Consumer[T]) comparePositions(
	ctx context.Context, client Client, suspects map[broker.TopicPartition]place,
) map[broker.TopicPartition]place {
	queryCtx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	stored, err := Positions(queryCtx, c.pool)
	if err != nil {
		return nil // the database is away: the batches show it
	}
	group, _ := client.GroupState(c.cfg.Group)
	mine := make(map[broker.TopicPartition]bool, len(group.Partitions))
	for _, p := range group.Partitions {
		mine[p.TopicPartition] = true
	}
	differ := map[broker.TopicPartition]place{}
	for _, s := range stored {
		now := place{s.TopicID, s.Offset, s.Paused != nil}
		if !mine[s.TopicPartition] || c.isAt(s.TopicPartition, now) {
			continue
		}
		differ[s.TopicPartition] = now
		if before, ok := suspects[s.TopicPartition]; ok && before == now {
			c.log.LogAttrs(ctx, slog.LevelInfo, "the stored position was changed, reading from there",
				slog.String("partition", s.String()), slog.Int64("offset", s.Offset))
			client.Reseek(c.cfg.Group, s.TopicPartition)
			delete(differ, s.TopicPartition)
		}
	}
	return differ
}

// isAt reports whether the partition is there, as far as this process knows. An unknown position is being read.
func (c *Consumer[T]) isAt(tp broker.TopicPartition, there place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partitions[tp]
	return p == nil || p.position < 0 || place{p.topicID, p.position, p.paused} == there
}

package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// Consuming says which partitions of a consumed topic are meant.
type Consuming struct {
	Topic     string
	Partition int  // or consumer.AllPartitions
	DryRun    bool // find out what would be changed; this needs no operator
}

func (s Service) checkConsumed(topic string) error {
	if slices.Contains(s.Consumes, topic) {
		return nil
	}
	return fmt.Errorf("this service does not consume the topic %q. It consumes %s", topic, strings.Join(s.Consumes, ", "))
}

// Pause stops the consumer in partitions, until Resume. It returns those that it has paused: others are paused already, or were
// never read.
func (s Service) Pause(ctx context.Context, by audit.Operator, c Consuming) (paused []consumer.PausedPartition, err error) {
	if err := s.checkConsumed(c.Topic); err != nil {
		return nil, err
	}
	err = s.change(ctx, by, "consumer pause", c.DryRun, func(tx pgx.Tx) (any, error) {
		paused, err = consumer.Pause(ctx, tx, c.Topic, c.Partition, consumer.Paused, fmt.Sprintf("%s (%s)", by.Reason, by.By))
		return paused, err
	})
	return paused, err
}

// Resume lets the consumer go on in partitions that an operator or the consumer itself has paused. It returns them.
func (s Service) Resume(ctx context.Context, by audit.Operator, c Consuming) (resumed []consumer.PausedPartition, err error) {
	if err := s.checkConsumed(c.Topic); err != nil {
		return nil, err
	}
	err = s.change(ctx, by, "consumer resume", c.DryRun, func(tx pgx.Tx) (any, error) {
		resumed, err = consumer.Resume(ctx, tx, c.Topic, c.Partition)
		return resumed, err
	})
	return resumed, err
}

// ConsumedPartition says how far the consumer is in a partition.
type ConsumedPartition struct {
	Topic     string            `json:"topic"`
	Partition int               `json:"partition"`
	Position  int64             `json:"position"` // the next offset to apply
	Behind    int64             `json:"behind"`   // offsets from the position to the end of the log; compaction may have removed some
	MovedAt   time.Time         `json:"moved_at"`
	Paused    *consumer.Pausing `json:"paused"` // null if it is not paused
}

// Consumption returns the partitions that were read, sorted by topic and number.
func (s Service) Consumption(ctx context.Context) ([]ConsumedPartition, error) {
	positions, err := consumer.Positions(ctx, s.Pool)
	if err != nil {
		return nil, err
	}
	partitions := make([]ConsumedPartition, len(positions))
	for i, p := range positions {
		end, err := s.Kafka.EndOffset(ctx, p.TopicPartition)
		if err != nil {
			return nil, fmt.Errorf("find the end of %s: %w", p.TopicPartition, err)
		}
		partitions[i] = ConsumedPartition{
			Topic: p.Topic, Partition: p.Partition, Position: p.Offset, Behind: max(0, end-p.Offset), MovedAt: p.MovedAt, Paused: p.Paused,
		}
	}
	return partitions, nil
}

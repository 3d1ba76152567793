package repair

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// ResetOptions says which positions to set, and where.
type ResetOptions struct {
	Topic     string
	Partition int // or consumer.AllPartitions
	To        consumer.Place
	DryRun    bool // find out what would be changed
}

// Reset sets positions of the consumer, and returns what it has changed. The rows of the copy stay as they are: their versions
// make events that were applied before change nothing. Events that are passed over are never applied.
func (s Service) Reset(ctx context.Context, by audit.Operator, o ResetOptions) ([]consumer.PositionChange, error) {
	if err := s.checkConsumed(o.Topic); err != nil {
		return nil, err
	}
	plan, err := consumer.PlanReset(ctx, s.Kafka, o.Topic, o.Partition, o.To)
	if err != nil {
		return nil, err
	}
	var changes []consumer.PositionChange
	err = s.change(ctx, by, "consumer reset", o.DryRun, func(tx pgx.Tx) (any, error) {
		changes, err = consumer.Reset(ctx, tx, plan)
		return changes, err
	})
	return changes, err
}

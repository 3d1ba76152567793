package repair

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// AdoptOptions says how to go on with the present cluster and its topics.
type AdoptOptions struct {
	Positions consumer.Place // where the consumer reads on
	DryRun    bool           // find out what would be changed
}

// Adopted is what Adopt has changed.
type Adopted struct {
	ClusterID string                    `json:"cluster_id"`
	Publishes []outbox.AdoptedLog       `json:"publishes"`
	Consumes  []consumer.PositionChange `json:"consumes"`
}

// Adopt makes the database accept the present Kafka cluster and the present topics. Halts because of another cluster, of a
// topic that was created again, or of a log that lost records end. The relay does not look at what is in the logs now. So
// what the logs have lost has to be published again.
//
// Never use it for a copy of a database while the original runs: both would publish to the same topics, and share one consumer
// group. A copy needs another prefix or another cluster.
func (s Service) Adopt(ctx context.Context, by audit.Operator, o AdoptOptions) (Adopted, error) {
	cluster, err := s.Kafka.ClusterID(ctx)
	if err != nil {
		return Adopted{}, err
	}
	a := Adopted{ClusterID: cluster}
	plan, err := consumer.PlanAdoption(ctx, s.Kafka, s.Consumes, o.Positions)
	if err != nil {
		return a, fmt.Errorf("look at the topics that the service consumes: %w", err)
	}
	err = s.change(ctx, by, "adopt", o.DryRun, func(tx pgx.Tx) (any, error) {
		if a.Publishes, err = outbox.Adopt(ctx, tx, s.Kafka, s.Publishes, s.Kafka.EndOffset); err != nil {
			return nil, err
		}
		a.Consumes, err = consumer.Reset(ctx, tx, plan)
		return a, err
	})
	return a, err
}

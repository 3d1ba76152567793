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
	Positions consumer.Place // where the consumer reads on in topics that are other ones than before
	// UnknownEvents accepts events in the service's own topics that its database does not know. If the database has lost
	// commits, it will then give out their versions again.
	UnknownEvents bool
	DryRun        bool // find out what would be changed
}

// Adopted is what Adopt has changed.
type Adopted struct {
	ClusterID string                    `json:"cluster_id"`
	Publishes []outbox.AdoptedLog       `json:"publishes"`
	Consumes  []consumer.PositionChange `json:"consumes"`
}

// Adopt makes the database accept the present Kafka cluster and the present topics. It changes nothing about topics and logs
// that are the same as before. Halts because of another cluster, of a topic that was created again, or of a log that lost its
// end, end. What such logs have lost has to be published again.
//
// Never use it for a copy of a database while the original runs: both would publish to the same topics, and share one consumer
// group. A copy needs another prefix or another cluster.
func (s Service) Adopt(ctx context.Context, by audit.Operator, o AdoptOptions) (Adopted, error) {
	present, err := outbox.LookAtLogs(ctx, s.Kafka, s.Publishes)
	if err != nil {
		return Adopted{}, fmt.Errorf("look at the topics that the service publishes: %w", err)
	}
	a := Adopted{ClusterID: present.ClusterID, Publishes: []outbox.AdoptedLog{}, Consumes: []consumer.PositionChange{}}
	plan, err := consumer.PlanAdoption(ctx, s.Kafka, s.Consumes, o.Positions)
	if err != nil {
		return a, fmt.Errorf("look at the topics that the service consumes: %w", err)
	}
	err = s.change(ctx, by, "adopt", o.DryRun, func(tx pgx.Tx) (any, error) {
		if a.Publishes, err = outbox.Adopt(ctx, tx, present, o.UnknownEvents); err != nil {
			return nil, err
		}
		a.Consumes, err = consumer.Reset(ctx, tx, plan)
		return a, err
	})
	return a, err
}

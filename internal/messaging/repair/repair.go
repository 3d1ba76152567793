package repair

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Kafka is the part of broker.Client that repairs need.
type Kafka interface {
	consumer.LogReader
	outbox.Broker
}

// Service is the service whose database is repaired.
type Service struct {
	Pool      *pgxpool.Pool
	Kafka     Kafka
	Publishes []string // the topics that its relay writes
	Consumes  []string // the topics that its consumer reads
}

// change runs f in one transaction. f returns what it has changed, for the audit. A dry run is rolled back.
func (s Service) change(ctx context.Context, by audit.Operator, command string, dryRun bool, f func(pgx.Tx) (detail any, err error)) error {
	r := record{by: by, command: command, dryRun: dryRun}
	return r.change(ctx, s.Pool, func(tx pgx.Tx, _ int64) (any, error) { return f(tx) })
}

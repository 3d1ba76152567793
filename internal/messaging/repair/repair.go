package repair

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Kafka is the part of broker.Client that repairs need.
type Kafka interface {
	consumer.Logs
	outbox.Broker
}

// Service is the service whose database is repaired.
type Service struct {
	Pool      *pgxpool.Pool
	Kafka     Kafka
	Publishes []string // the topics that its relay writes
	Consumes  []string // the topics that its consumer reads
}

// errDryRun rolls a transaction back that was only a trial.
var errDryRun = errors.New("nothing is changed")

// change runs f in one transaction. f returns what it has changed, for the record. A dry run is rolled back.
func (s Service) change(ctx context.Context, o audit.Operator, command string, dryRun bool, f func(pgx.Tx) (detail any, err error)) error {
	err := pgtx.Run(ctx, s.Pool, pgtx.BeginPinned, func(tx pgx.Tx) error {
		detail, err := f(tx)
		if err != nil {
			return err
		}
		if _, err := audit.Record(ctx, tx, o, command, detail); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

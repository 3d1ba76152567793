package monolith

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// App is the monolith for its command line.
func App() cli.App[Config] {
	return cli.App[Config]{
		Name: name, About: "The old system, which owns the products and still serves the legacy API",
		Defaults: Defaults(), Load: LoadConfig, Migrate: Migrate, Serve: Run, OpenImport: OpenImport,
		OpenOperations: OpenOperations, OpenMessaging: OpenMessaging,
	}
}

// OpenMessaging connects to Kafka for an operator. The service need not run.
func OpenMessaging(cfg Config, log *slog.Logger) (cli.Messaging, error) {
	return serviceframe.OpenMessaging(spec(), cfg.Common, log)
}

// OpenOperations opens what the commands of operators need. The service need not run.
func OpenOperations(ctx context.Context, cfg Config, log *slog.Logger) (cli.Operations, error) {
	pool, err := postgres.Open(ctx, cfg.Database.Direct(name+" operations"))
	if err != nil {
		return cli.Operations{}, err
	}
	// No relay is woken: the relay of a running instance finds the events with its sweep.
	storage, err := newStore(pool, cfg, log, func() {})
	if err != nil {
		pool.Close()
		return cli.Operations{}, err
	}
	events := newConsumer(pool, cfg, log, func(eventTx) {})
	return cli.Operations{
		Pool: pool, Replay: events.Replay, Discard: events.Discard, Skip: events.Skip, Close: pool.Close,
		Verify: func(ctx context.Context, kafka consumer.LogReader, o consumer.VerifyOptions) ([]consumer.Verified, error) {
			return events.Verify(ctx, kafka, store.Copies(consume.TopicMarket, consume.TopicCatalogEntry), o)
		},
		Models: models(storage),
	}, nil
}

// models returns the models that the service owns.
func models(storage *store.Store) []repair.Model {
	return []repair.Model{storage.ProductModel(messages.TopicProduct, newID, publish.ReadProduct)}
}

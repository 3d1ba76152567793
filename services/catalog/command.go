package catalog

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
)

// App is the catalog service for its command line.
func App() cli.App[Config] {
	return cli.App[Config]{
		Name: name, About: "The service that has taken over the catalog entries and the markets",
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
	entries, _, copies := services(storage, newID)
	requests := newOwner(pool, cfg, storage, entries, log)
	events := newConsumer(pool, cfg, storage, copies, requests, func() {}, log)
	return cli.Operations{
		Pool: pool, Replay: events.Replay, Discard: events.Discard, Skip: events.Skip, Close: pool.Close,
		Verify: func(ctx context.Context, kafka consumer.LogReader, o consumer.VerifyOptions) ([]consumer.Verified, error) {
			return events.Verify(ctx, kafka, store.Copies(consume.TopicProduct), o)
		},
		Models: models(storage),
	}, nil
}

// models returns the models that the service owns. An entry refers to its market.
func models(storage *store.Store) []repair.Model {
	return []repair.Model{
		storage.MarketModel(messages.TopicMarket, newID, publish.ReadMarket),
		storage.EntryModel(messages.TopicCatalogEntry, newID, publish.ReadEntry),
	}
}

package catalog

import (
	"context"
	"log/slog"
	"slices"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
)

// App is the catalog service for its command line.
func App() cli.App[Config] {
	return cli.App[Config]{
		Name: name, About: "The service that has taken over the catalog entries and the markets",
		Defaults: Defaults(), Load: LoadConfig, Migrate: Migrate, Serve: Run, OpenImport: OpenImport,
		OpenDeadLetters: OpenDeadLetters, OpenMessaging: OpenMessaging,
	}
}

// OpenMessaging connects to Kafka for an operator. The service need not run.
func OpenMessaging(cfg Config, log *slog.Logger) (cli.Messaging, error) {
	client, err := serviceframe.Connect(spec(), cfg.Common, log)
	return cli.Messaging{Kafka: client, Publishes: slices.Concat(spec().Topics, spec().Queues), Consumes: spec().Consumes}, err
}

// OpenDeadLetters opens the service's dead letters for an operator. The service need not run.
func OpenDeadLetters(ctx context.Context, cfg Config, log *slog.Logger) (cli.DeadLetters, error) {
	pool, err := postgres.Open(ctx, postgres.Config{URL: cfg.Database.URL, Application: name + " dead-letters"})
	if err != nil {
		return cli.DeadLetters{}, err
	}
	// No relay is woken: the relay of a running instance finds the events with its sweep.
	storage, err := newStore(pool, cfg, log, func() {})
	if err != nil {
		pool.Close()
		return cli.DeadLetters{}, err
	}
	entries, _, copies := services(storage, newID)
	requests := newOwner(pool, cfg, storage, entries, log)
	events := newConsumer(pool, cfg, storage, copies, requests, func() {}, log)
	return cli.DeadLetters{Replay: events.Replay, Discard: events.Discard, Close: pool.Close}, nil
}

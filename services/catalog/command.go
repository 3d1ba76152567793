package catalog

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// App is the catalog service for its command line.
func App() cli.App[Config] {
	return cli.App[Config]{
		Name: name, About: "The service that has taken over the catalog entries and the markets",
		Defaults: Defaults(), Load: LoadConfig, Migrate: Migrate, Serve: Run, OpenImport: OpenImport, Replay: Replay,
	}
}

// Replay applies a dead letter again. by is the person who does it.
func Replay(ctx context.Context, cfg Config, log *slog.Logger, id int64, by string) (consumer.DeadLetter, error) {
	pool, err := postgres.Open(ctx, postgres.Config{URL: cfg.Database.URL, Application: name + " replay"})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	defer pool.Close()
	// No relay is woken: the relay of a running instance finds the events with its sweep.
	storage, err := newStore(pool, cfg, log, func() {})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	_, _, copies := services(storage, newID)
	return newConsumer(pool, cfg, storage, copies, log).Replay(ctx, id, by)
}

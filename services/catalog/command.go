package catalog

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// App describes the catalog service to its command line.
func App() cli.App {
	return cli.App{
		Name: name, About: "The service that took over the catalog entries and the markets from the monolith",
		Load: LoadConfig, Migrate: Migrate, Serve: Run, OpenImport: OpenImport, Replay: Replay,
	}
}

// Replay applies a dead letter again. The argument by names the person who asked for it.
func Replay(ctx context.Context, cfg config.Service, log *slog.Logger, id int64, by string) (consumer.DeadLetter, error) {
	pool, err := postgres.Open(ctx, postgres.Config{URL: cfg.DatabaseURL, Application: name + " replay"})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	defer pool.Close()
	// This process runs no relay: the relay of a running instance finds the events in its sweep.
	storage, err := newStore(pool, cfg, log, func() {})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	_, _, copies := services(storage, newID)
	return newConsumer(pool, cfg, storage, copies, log).Replay(ctx, id, by)
}

package catalog

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// App is the catalog service as its command line knows it.
func App() cli.App {
	return cli.App{
		Name: name, About: "The service that has taken over the catalog entries and the markets",
		Load: LoadConfig, Migrate: Migrate, Serve: Run, OpenImport: OpenImport, Replay: Replay,
	}
}

// Replay applies a dead letter again, on behalf of a person.
func Replay(ctx context.Context, cfg config.Service, log *slog.Logger, id int64, by string) (consumer.DeadLetter, error) {
	pool, err := postgres.Open(ctx, postgres.Config{URL: cfg.DatabaseURL, Application: name + " replay"})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	defer pool.Close()
	// Nobody is woken here: the relay of a running instance finds the events by its sweep.
	storage, err := newStore(pool, cfg, log, func() {})
	if err != nil {
		return consumer.DeadLetter{}, err
	}
	_, _, copies := services(storage, newID)
	return newConsumer(pool, cfg, storage, copies, log).Replay(ctx, id, by)
}

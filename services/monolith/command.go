package monolith

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// App is the monolith as its command line knows it.
func App() cli.App {
	return cli.App{
		Name: name, About: "The old system, which owns the products and still serves the legacy API",
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
	return newConsumer(pool, cfg, log).Replay(ctx, id, by)
}

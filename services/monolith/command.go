package monolith

import (
	"context"
	"log/slog"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// App is the monolith for its command line.
func App() cli.App[Config] {
	return cli.App[Config]{
		Name: name, About: "The old system, which owns the products and still serves the legacy API",
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
	return newConsumer(pool, cfg, log).Replay(ctx, id, by)
}

package serviceframe

import (
	"context"
	"log/slog"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// Migrate brings the schema up to date. It waits for a database that is away, for as long as ctx lets it.
func (s Spec) Migrate(ctx context.Context, cfg config.Common, log *slog.Logger) error {
	return s.migrate(ctx, cfg, log, func(error) {})
}

// migrate is Migrate, and tells why it waits.
func (s Spec) migrate(ctx context.Context, cfg config.Common, log *slog.Logger, tell func(error)) error {
	for {
		err := postgres.Migrate(ctx, cfg.Database.URL, log,
			postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, s.Migrations)
		if ctx.Err() != nil && err != nil {
			return ctx.Err() // an attempt that was cut short fails in many ways
		}
		if !postgres.IsUnavailable(err) {
			return err
		}
		log.WarnContext(ctx, "waiting for the database", "error", err)
		tell(err)
		if !rest(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// maintainEvery is far less than what fills the outbox's partitions made ahead at the fastest.
const maintainEvery = 30 * time.Second

// maintain keeps the outbox in shape. A database that is away is no reason to stop.
func (f *Frame) maintain(ctx context.Context) error {
	for {
		if err := outbox.Maintain(ctx, f.Pool, f.cfg.Outbox.Retention); err != nil && ctx.Err() == nil {
			f.log.WarnContext(ctx, "the outbox could not be maintained", "error", err)
		}
		if !rest(ctx, maintainEvery) {
			return nil
		}
	}
}

// rest waits for d, and says whether ctx let it.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

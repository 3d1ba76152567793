package serviceframe

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/delay"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	accesssql "github.com/monsplit/monsplit/sql/access"
	accountsql "github.com/monsplit/monsplit/sql/account"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// Migrate brings the schema up to date. While the database is away it waits, until ctx is done. It does not wait if the
// database refuses the password, or if a certificate is not valid: a person has to change something.
func (s Spec) Migrate(ctx context.Context, cfg config.Common, log *slog.Logger) error {
	return s.migrate(ctx, cfg, log, func(error) {})
}

// migrate is Migrate. It calls tell with the reason each time it has to wait.
func (s Spec) migrate(ctx context.Context, cfg config.Common, log *slog.Logger, tell func(error)) error {
	return untilAnswered(ctx, log, tell, func(ctx context.Context) error {
		return postgres.Migrate(ctx, cfg.Database.Direct("").URL, log,
			postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
			postgres.Migrations{FS: accesssql.Migrations, Table: "goose_access"},
			postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"},
			postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"}, s.Migrations)
	})
}

// untilAnswered calls ask until the database has answered it or has refused the session. It calls tell with the reason each time
// it has to wait.
func untilAnswered(ctx context.Context, log *slog.Logger, tell func(error), ask func(context.Context) error) error {
	for {
		err := ask(ctx)
		if ctx.Err() != nil && err != nil {
			return ctx.Err() // an interrupted attempt fails with many different errors
		}
		if !postgres.IsUnavailable(err) || pgtx.Refusal(err) != "" {
			return err
		}
		log.WarnContext(ctx, "waiting for the database", "error", err)
		tell(err)
		if !delay.For(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// maintainEvery is far less than the time in which the fastest service fills the partitions that were made ahead.
const maintainEvery = 30 * time.Second

// maintain makes and drops partitions of the outbox. A database that is away must not end the service.
func (f *Frame) maintain(ctx context.Context) error {
	return f.Repeat(ctx, maintainEvery, "the outbox could not be maintained", func() error {
		err := errors.Join(outbox.Maintain(ctx, f.Direct, f.cfg.Outbox.Retention), journey.Forget(ctx, f.Direct, f.cfg.Outbox.Retention))
		if ctx.Err() == nil {
			f.upkeep.Store(&upkeep{err})
		}
		return err
	})
}

// upkeep is the outcome of the last maintenance of the outbox.
type upkeep struct{ err error }

// finding tells why the last maintenance has failed. A database that is away has a check of its own.
func (u *upkeep) finding() finding {
	if u == nil || postgres.IsUnavailable(u.err) {
		return finding{}
	}
	return found("the maintenance of the outbox fails: ", u.err)
}

// tendEvery bounds by how much longer than the retention an idempotency key stays in the table, and how old the count of the
// keys is.
const tendEvery = 10 * time.Second

// tendKeys deletes idempotency keys that are older than the retention, and counts the others. A database that is away must not
// end the service.
func (f *Frame) tendKeys(ctx context.Context) error {
	return f.Repeat(ctx, tendEvery, "idempotency keys could not be deleted and counted", func() error {
		return errors.Join(f.keys.DeleteOld(ctx, f.Direct), f.keys.Count(ctx, f.Direct))
	})
}

// trimEvery bounds by how much longer than the retention a version of an object stays in the history.
const trimEvery = time.Minute

// trimHistory deletes history that is older than the retention. A database that is away must not end the service.
func (f *Frame) trimHistory(ctx context.Context) error {
	return f.Repeat(ctx, trimEvery, "old history could not be deleted", func() error {
		deleted, err := history.DeleteOld(ctx, f.Direct, f.cfg.History)
		if deleted > 0 {
			f.log.InfoContext(ctx, "old history was deleted", "versions", deleted)
		}
		return err
	})
}

// Repeat does the job at once and then after every pause, until ctx is done. It logs failed when the job fails: a database
// that is away must not end the service.
func (f *Frame) Repeat(ctx context.Context, pause time.Duration, failed string, job func() error) error {
	for {
		if err := job(); err != nil && ctx.Err() == nil {
			f.log.WarnContext(ctx, failed, "error", err)
		}
		if !delay.For(ctx, pause) {
			return nil
		}
	}
}

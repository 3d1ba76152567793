package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations is the history of one schema: a folder "migrations" in goose's format, and the table that records which of
// them have been applied.
type Migrations struct {
	FS    fs.FS
	Table string
}

// Migrate brings the schemas up to date, in the given order. Instances that start at the same time wait for each other. If
// any schema in the database is newer than the newest one that this binary knows, Migrate returns an error and changes
// none of them.
func Migrate(ctx context.Context, url string, log *slog.Logger, sets ...Migrations) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the database URL is not valid: %s", faultOfParameters(url))
	}
	// A migration of a large table takes long. The server's limit for ordinary statements must not end it.
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["application_name"] = "monsplit migrate"
	if config.ConnectTimeout == 0 || config.ConnectTimeout > connectTimeout {
		config.ConnectTimeout = connectTimeout
	}
	requireOwnSession(&config.Config)
	db := stdlib.OpenDB(*config)
	defer db.Close()
	schemas := make([]schema, 0, len(sets))
	for _, set := range sets {
		s, err := newSchema(db, set)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", set.Table, err)
		}
		if err := s.refuseNewer(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", set.Table, err)
		}
		schemas = append(schemas, s)
	}
	for _, s := range schemas {
		if err := s.up(ctx, log); err != nil {
			return fmt.Errorf("migrate %s: %w", s.table, err)
		}
	}
	return nil
}

// schema is a set of migrations on a database.
type schema struct {
	*goose.Provider
	table string
}

func newSchema(db *sql.DB, set Migrations) (schema, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // tries every second, for five minutes
	if err != nil {
		return schema{}, err
	}
	folder, err := fs.Sub(set.FS, "migrations")
	if err != nil {
		return schema{}, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithTableName(set.Table),
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	return schema{provider, set.Table}, err
}

func (s schema) refuseNewer(ctx context.Context) error {
	database, err := s.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	var binary int64
	for _, source := range s.ListSources() {
		binary = max(binary, source.Version)
	}
	if database > binary {
		return fmt.Errorf("the database is at version %d, this binary knows up to %d: run a newer binary", database, binary)
	}
	return nil
}

func (s schema) up(ctx context.Context, log *slog.Logger) error {
	results, err := s.Up(ctx)
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
		results, err = partial.Applied, fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	for _, r := range results {
		log.InfoContext(ctx, "migrated", "table", s.table, "migration", r.Source.Path, "took", r.Duration)
	}
	return err
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations is one schema's history: a folder "migrations" in goose's format, and the table that keeps which of them
// have been applied.
type Migrations struct {
	FS    fs.FS
	Table string
}

// Migrate brings the schemas up to date, in the order given. Instances that start together wait for each other. A
// database that is newer than this binary is left alone, with an error.
func Migrate(ctx context.Context, url string, log *slog.Logger, sets ...Migrations) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the database URL is not valid: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	for _, set := range sets {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		folder, err := fs.Sub(set.FS, "migrations")
		if err != nil {
			return fmt.Errorf("migrate %s: %w", set.Table, err)
		}
		provider, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithTableName(set.Table),
			goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("migrate %s: %w", set.Table, err)
		}
		if err := up(ctx, provider, set.Table, log); err != nil {
			return err
		}
	}
	return nil
}

func up(ctx context.Context, provider *goose.Provider, table string, log *slog.Logger) error {
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.InfoContext(ctx, "migrated", "table", table, "migration", r.Source.Path, "took", r.Duration)
	}
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
		return fmt.Errorf("migrate %s: %s: %w", table, partial.Failed.Source.Path, partial.Err)
	}
	if err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	database, binary, err := versions(ctx, provider)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", table, err)
	}
	if database > binary {
		return fmt.Errorf("the database is at version %d of %s, this binary knows up to %d: run a newer binary", database, table, binary)
	}
	return nil
}

func versions(ctx context.Context, provider *goose.Provider) (database, binary int64, err error) {
	if database, err = provider.GetDBVersion(ctx); err != nil {
		return 0, 0, err
	}
	for _, source := range provider.ListSources() {
		binary = max(binary, source.Version)
	}
	return database, binary, nil
}

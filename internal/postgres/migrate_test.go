package postgres_test

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

var (
	messaging = postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	schemas   = map[string]postgres.Migrations{
		"monolith": {FS: monolithsql.Migrations, Table: "goose_service"},
		"catalog":  {FS: catalogsql.Migrations, Table: "goose_service"},
	}
	quiet = slog.New(slog.DiscardHandler)
)

// Every migration can be taken back and made again.
func TestMigrationsGoUpAndDown(t *testing.T) {
	t.Parallel()
	for name, service := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.NewURL(t)
			if err := postgres.Migrate(t.Context(), url, quiet, messaging, service); err != nil {
				t.Fatal(err)
			}
			down(t, url, service)
			down(t, url, messaging)
			if err := postgres.Migrate(t.Context(), url, quiet, messaging, service); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func down(t *testing.T, url string, set postgres.Migrations) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	folder, err := fs.Sub(set.FS, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithTableName(set.Table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

func TestInstancesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := postgres.Migrate(context.WithoutCancel(t.Context()), url, quiet, messaging, schemas["monolith"]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	newer := postgres.Migrations{Table: "goose_service", FS: fstest.MapFS{
		"migrations/00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a ();")},
		"migrations/00002_b.sql": {Data: []byte("-- +goose Up\nCREATE TABLE b ();")},
	}}
	older := postgres.Migrations{Table: "goose_service", FS: fstest.MapFS{"migrations/00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a ();")}}}
	if err := postgres.Migrate(t.Context(), url, quiet, newer); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), url, quiet, older); err == nil || !strings.Contains(err.Error(), "newer binary") {
		t.Errorf("error %v, want a word on the newer binary", err)
	}
}

func TestABrokenMigrationIsAnError(t *testing.T) {
	t.Parallel()
	broken := postgres.Migrations{Table: "goose_service", FS: fstest.MapFS{"migrations/00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABEL a ();")}}}
	if err := postgres.Migrate(t.Context(), pgtest.NewURL(t), quiet, broken); err == nil || !strings.Contains(err.Error(), "00001_a.sql") {
		t.Errorf("error %v does not name the migration", err)
	}
}

package postgres_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	neturl "net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
	accesssql "github.com/monsplit/monsplit/sql/access"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

var (
	messaging = postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	tokens    = postgres.Migrations{FS: accesssql.Migrations, Table: "goose_access"}
	past      = postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"}
	quiet     = slog.New(slog.DiscardHandler)
)

// schema returns the migrations of a service.
func schema(t *testing.T, service string) postgres.Migrations {
	t.Helper()
	return postgres.Migrations{FS: os.DirFS(services.Path(t, "sql/"+service)), Table: "goose_service"}
}

// Every migration can be undone and applied again.
func TestMigrationsGoUpAndDown(t *testing.T) {
	t.Parallel()
	for _, name := range services.Names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := schema(t, name)
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
	url, service := pgtest.NewURL(t), schema(t, "monolith")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := postgres.Migrate(context.WithoutCancel(t.Context()), url, quiet, messaging, service); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// files returns a set of migrations, one for each text.
func files(table string, texts ...string) postgres.Migrations {
	folder := fstest.MapFS{}
	for i, text := range texts {
		folder[fmt.Sprintf("migrations/%05d_%c.sql", i+1, 'a'+i)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return postgres.Migrations{FS: folder, Table: table}
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	newer := files("goose_service", "CREATE TABLE a ();", "CREATE TABLE b ();")
	older := files("goose_service", "CREATE TABLE a ();")
	first := files("goose_messaging", "CREATE TABLE c ();")
	if err := postgres.Migrate(t.Context(), url, quiet, newer); err != nil {
		t.Fatal(err)
	}
	err := postgres.Migrate(t.Context(), url, quiet, first, older)
	const want = "migrate goose_service: the database is at version 2, this binary knows up to 1: run a newer binary"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	pool := pgtest.Open(t, url)
	var changed bool
	if err := pool.QueryRow(t.Context(), `SELECT to_regclass('c') IS NOT NULL`).Scan(&changed); err != nil || changed {
		t.Errorf("the other schema was changed: %t, %v", changed, err)
	}
}

// The error names the migration that failed. The migrations before it stay applied, and are in the log.
func TestABrokenMigrationIsAnError(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	broken := files("goose_service", "CREATE TABLE a ();", "CREATE TABEL b ();")
	if err := postgres.Migrate(t.Context(), url, log, broken); err == nil || !strings.Contains(err.Error(), "00002_b.sql") {
		t.Errorf("error %v does not name the migration", err)
	}
	mended := files("goose_service", "CREATE TABLE a ();", "CREATE TABLE b ();")
	if err := postgres.Migrate(t.Context(), url, log, mended); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00001_a.sql", "00002_b.sql"} {
		if n := strings.Count(out.String(), name); n != 1 {
			t.Errorf("%s is %d times in the log:\n%s", name, n, out.String())
		}
	}
}

// A limit for statements that is set for the database does not apply to migrations.
func TestAMigrationMayTakeLong(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t) + "&statement_timeout=1"
	if err := postgres.Migrate(t.Context(), url, quiet, files("goose_service", "SELECT pg_sleep(0.05);")); err != nil {
		t.Error(err)
	}
}

// Some roles may not create extensions. Then the error says what an administrator has to do, and the next start goes on.
func TestAMissingExtensionIsExplained(t *testing.T) {
	t.Parallel()
	for _, name := range services.Names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.NewURL(t)
			pool := pgtest.Open(t, url)
			role := "role_" + name + "_" + strings.ToLower(rand.Text())
			exec := func(statement string) {
				t.Helper()
				if _, err := pool.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x'`)
			t.Cleanup(func() {
				_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+role)
				_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP ROLE `+role)
			})
			exec(`GRANT CREATE ON SCHEMA public TO ` + role)
			address, err := neturl.Parse(url)
			if err != nil {
				t.Fatal(err)
			}
			address.User = neturl.UserPassword(role, "x")
			migrate := func() error {
				return postgres.Migrate(t.Context(), address.String(), quiet, messaging, schema(t, name))
			}
			if err := migrate(); err == nil || !strings.Contains(err.Error(), "let its administrator run CREATE EXTENSION pg_trgm in the database") {
				t.Fatalf("error %v", err)
			}
			exec(`CREATE EXTENSION pg_trgm`)
			if err := migrate(); err != nil {
				t.Errorf("after the extension was created: %v", err)
			}
		})
	}
}

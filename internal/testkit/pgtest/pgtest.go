// Package pgtest gives each test a database of its own on a real PostgreSQL. If there is no PostgreSQL and none can be
// downloaded, tests fail and say how to get it.
//
// The server is the one that TEST_DATABASE_URL names (internal/testkit/cmd/withpostgres starts one for a whole run).
// Without that variable, each test process starts a server of its own.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/postgres"
)

// New returns a pool on a new database, after the migrations. The end of the test closes the pool and drops the database.
func New(t testing.TB, sets ...postgres.Migrations) *pgxpool.Pool {
	t.Helper()
	return Open(t, NewURL(t, sets...))
}

// Open returns a pool that the end of the test closes.
func Open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: url, Application: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// URL returns the connection string of a pool's database.
func URL(pool *pgxpool.Pool) string { return pool.Config().ConnString() }

// NewURL returns the connection string of a new database, after the migrations. The end of the test drops it.
func NewURL(t testing.TB, sets ...postgres.Migrations) string {
	t.Helper()
	return newDatabase(t, adminURL(t), sets)
}

// CopyOf returns the connection string of a copy of a database, like a backup. Nothing may be connected to the original. The end
// of the test drops the copy.
func CopyOf(t testing.TB, original string) string {
	t.Helper()
	address, err := pgx.ParseConfig(original)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return copyDatabase(t, adminURL(t), address.Database)
}

// Earlier returns the migrations up to a number, the schema of an earlier release.
func Earlier(t testing.TB, set postgres.Migrations, last int) postgres.Migrations {
	t.Helper()
	files, err := fs.Glob(set.FS, "migrations/*.sql")
	if err != nil || len(files) <= last {
		t.Fatalf("pgtest: %d migrations, %v; want more than %d", len(files), err, last)
	}
	folder := fstest.MapFS{}
	for _, file := range files[:last] {
		text, err := fs.ReadFile(set.FS, file)
		if err != nil {
			t.Fatalf("pgtest: %v", err)
		}
		folder[file] = &fstest.MapFile{Data: text}
	}
	return postgres.Migrations{FS: folder, Table: set.Table}
}

func newDatabase(t testing.TB, admin string, sets []postgres.Migrations) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	template, err := template(ctx, admin, sets)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return copyDatabase(t, admin, template)
}

func copyDatabase(t testing.TB, admin, template string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	name := databaseName()
	if err := execute(ctx, admin, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		// The test may have stopped its own server for good. Then the database no longer exists either.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		_ = execute(ctx, admin, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
	})
	return withDatabase(admin, name)
}

// template returns a database to copy. The first test that needs these migrations applies them to it.
func template(ctx context.Context, admin string, sets []postgres.Migrations) (string, error) {
	if len(sets) == 0 {
		return "template0", nil
	}
	name, err := templateName(sets)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	// Tests of several packages come at the same time. The lock ends with the connection.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
		return "", err
	}
	var ready bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&ready); err != nil || ready {
		return name, err
	}
	// The database is created under another name first, so that an interrupted template is never mistaken for a complete one.
	draft := name + "_draft"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + quote(draft) + " WITH (FORCE)", "CREATE DATABASE " + quote(draft) + " TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	if err := postgres.Migrate(ctx, withDatabase(admin, draft), slog.New(slog.DiscardHandler), sets...); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+quote(draft)+" RENAME TO "+quote(name))
	return name, err
}

// templateName names a template by the content of the migrations.
func templateName(sets []postgres.Migrations) (string, error) {
	hash := sha256.New()
	for _, set := range sets {
		fmt.Fprintln(hash, set.Table)
		err := fs.WalkDir(set.FS, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(set.FS, path)
			fmt.Fprintln(hash, path, len(text))
			hash.Write(text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return "template_" + hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func withDatabase(admin, name string) string {
	u, err := url.Parse(admin)
	if err != nil || u.Host == "" {
		panic(Variable + " must be a URL, as postgres://user:password@host:5432/postgres") // an operator's typo
	}
	u.Path = "/" + name
	return u.String()
}

// adminURL is the server on which tests create their databases.
func adminURL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(Variable); url != "" {
		return url
	}
	url, err := ownServer()
	if err != nil {
		t.Fatalf("pgtest: tests need PostgreSQL: %v", err)
	}
	return url
}

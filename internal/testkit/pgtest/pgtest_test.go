package pgtest_test

import (
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func migrations(text string) postgres.Migrations {
	return postgres.Migrations{Table: "goose_test", FS: fstest.MapFS{
		"migrations/00001_a.sql": {Data: []byte("-- +goose Up\n" + text)},
	}}
}

func has(t *testing.T, url, table string) (there bool) {
	t.Helper()
	if err := pgtest.Open(t, url).QueryRow(t.Context(), `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there); err != nil {
		t.Fatal(err)
	}
	return there
}

// Databases of one template share no data. Other migrations mean another template.
func TestEachDatabaseIsATestsOwn(t *testing.T) {
	t.Parallel()
	one, two := pgtest.NewURL(t, migrations("CREATE TABLE a ();")), pgtest.NewURL(t, migrations("CREATE TABLE a ();"))
	other := pgtest.NewURL(t, migrations("CREATE TABLE b ();"))
	if _, err := pgtest.Open(t, one).Exec(t.Context(), `CREATE TABLE mine ()`); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string][2]bool{one: {true, true}, two: {true, false}, other: {false, false}} {
		if got := [2]bool{has(t, url, "a"), has(t, url, "mine")}; got != want {
			t.Errorf("a, mine: %v, want %v", got, want)
		}
	}
}

// A database is dropped with its test, even with open connections.
func TestADatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("test", func(t *testing.T) { // it must have ended below, so it is not parallel
		url = pgtest.NewURL(t)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) }) // deliberately too late: after the database was dropped
	})
	if _, err := pgx.Connect(t.Context(), url); pgtx.SQLState(err) != "3D000" { // invalid_catalog_name
		t.Errorf("the database is still there: %v", err)
	}
}

// A test's own server stops and comes back on the same address, with all committed data.
func TestAServerComesBack(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	pool := pgtest.Open(t, server.NewURL())
	if _, err := pool.Exec(t.Context(), `CREATE TABLE kept ()`); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"stop": server.Stop, "kill": server.Kill} {
		end()
		if _, err := pool.Exec(t.Context(), `SELECT FROM kept`); !postgres.IsUnavailable(err) {
			t.Errorf("%s: %v is not unavailable", name, err)
		}
		server.Start()
		if _, err := pool.Exec(t.Context(), `SELECT FROM kept`); err != nil {
			t.Errorf("%s: the pool does not come back by itself: %v", name, err)
		}
	}
}

package store_test

import (
	"log/slog"
	"testing"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// The upgrade gives each copy of an entry its integer id, and so do instances of the earlier release that still write copies.
func TestUpgradeOfEntriesWithoutTheirIDs(t *testing.T) {
	t.Parallel()
	messaging := postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	service := postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"}
	url := pgtest.NewURL(t, messaging, pgtest.Earlier(t, service, 6))
	pool := pgtest.Open(t, url)
	write := func(from, to int) {
		t.Helper()
		for _, statement := range []string{
			`INSERT INTO catalog_entry_copy (id) SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series($1::int, $2) n`,
			`INSERT INTO legacy_catalog_id (entry_id) SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series($2::int, $1, -1) n`,
			`UPDATE catalog_entry_copy SET version = 1 WHERE version = 0 AND $1::int < $2::int`,
		} {
			if _, err := pool.Exec(t.Context(), statement, from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(1, 2500)
	if err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), messaging, service); err != nil {
		t.Fatal(err)
	}
	write(2501, 2600)
	var right, indexes int
	err := pool.QueryRow(t.Context(), `SELECT count(*), (SELECT count(*) FROM pg_index WHERE NOT indisvalid)
		FROM catalog_entry_copy c JOIN legacy_catalog_id l ON l.entry_id = c.id AND l.id = c.legacy_id`).Scan(&right, &indexes)
	if err != nil || right != 2600 || indexes != 0 {
		t.Errorf("%d of 2600 copies have their id, %d indexes are not valid (%v)", right, indexes, err)
	}
}

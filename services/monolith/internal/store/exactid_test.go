package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// largestExact is the largest integer that every reader of JSON keeps exactly: readers use doubles.
const largestExact = 1<<53 - 1

// The last exact id is given out. Then the service says that it cannot create products, and that this is its own fault.
func TestIDsEndWhileTheyAreExact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `SELECT setval(pg_get_serial_sequence('product', 'id'), $1)`, int64(largestExact-1)); err != nil {
		t.Fatal(err)
	}
	if p := b.create(t, "last", "c"); p.ID != largestExact {
		t.Errorf("the last product has the id %d, want %d", p.ID, largestExact)
	}
	_, err := b.products.Create(t.Context(), product.Draft{Name: "more", Category: "c"}, nil)
	if e, ok := apperr.As(err); !ok || e.Kind != apperr.Unavailable || !e.OwnFault {
		t.Errorf("no id is left: %v", err)
	}
	for _, table := range []string{"legacy_market_id", "legacy_catalog_id"} {
		_, err := b.pool.Exec(t.Context(), `SELECT setval(pg_get_serial_sequence($1, 'id'), $2)`, table, int64(largestExact+1))
		if err == nil {
			t.Errorf("%s gives out ids that are not exact", table)
		}
	}
}

// A sequence that was set too far ahead before the upgrade gives out no id any more. The upgrade does not fail.
func TestUpgradeOfAFarSequence(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
	script, err := monolithsql.Migrations.ReadFile("migrations/00007_exact_ids.sql")
	if err != nil {
		t.Fatal(err)
	}
	const far = `ALTER TABLE product ALTER COLUMN id SET NO MAXVALUE; SELECT setval(pg_get_serial_sequence('product', 'id'), 1::bigint << 60);`
	up, _, _ := strings.Cut(string(script), "-- +goose Down")
	if _, err := pool.Exec(t.Context(), far+up, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `SELECT nextval(pg_get_serial_sequence('product', 'id'))`); apperr.KindOf(postgres.Translate(err, nil)) != apperr.Unavailable {
		t.Errorf("the next id: %v", err)
	}
}

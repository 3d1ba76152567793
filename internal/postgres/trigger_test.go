package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// No SQL, import or script can bypass the outbox: the database refuses a commit in which an owned row changed without its
// next version and its event (invariant 1).
func TestOwnedRowsDoNotChangeWithoutTheirEvent(t *testing.T) {
	t.Parallel()
	const id = "00000000-0000-0000-0000-000000000001"
	tables := map[string]struct {
		service, insert, topic, key, change, table string
	}{
		"product": {"monolith", `INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
			VALUES ('` + id + `', 'a', 'b', 1, now(), now())`, "monsplit.product.v1", id, "discontinued = true", "product"},
		"market": {"catalog", `INSERT INTO market (iso_code, name, version, created_at, updated_at) VALUES ('DE', 'a', 1, now(), now())`,
			"monsplit.market.v1", "DE", "name = 'b'", "market"},
		"entry": {"catalog", `ALTER TABLE catalog_entry DROP CONSTRAINT catalog_entry_market_fkey;
			INSERT INTO catalog_entry (id, product_uuid, market, version, created_at, updated_at)
			VALUES ('` + id + `', '` + id + `', 'DE', 1, now(), now())`, "monsplit.catalog-entry.v1", id, "availability_date = '2026-01-01'", "catalog_entry"},
	}
	for name, tt := range tables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t, messaging, schemas[tt.service])
			ctx := t.Context()
			run := func(statements ...string) string {
				return pgtx.SQLState(postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
					for _, s := range statements {
						if _, err := tx.Exec(ctx, s); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			event := func(version string) string {
				return `INSERT INTO outbox_pending VALUES (0, nextval('outbox_seq'), '` + tt.topic + `', '` + tt.key + `', ` + version + `, ` + version + ` - 1)`
			}
			set := func(change string) string { return `UPDATE ` + tt.table + ` SET ` + change }
			steps := []struct {
				what       string
				statements []string
				want       string
			}{
				{"insert without its event", []string{tt.insert}, "MS001"},
				{"insert with another version's event", []string{tt.insert, event("2")}, "MS001"},
				{"insert with its event", []string{tt.insert, event("1")}, ""},
				{"change without version and event", []string{set(tt.change)}, "MS001"},
				{"change without event", []string{set(tt.change + ", version = 2")}, "MS001"},
				{"change that skips a version", []string{set(tt.change + ", version = 3"), event("3")}, "MS001"},
				{"change with version and event", []string{set(tt.change + ", version = 2"), event("2")}, ""},
				{"two changes in one transaction", []string{set("deleted = true, version = 3"), event("3"), set("deleted = false, version = 4"), event("4")}, ""},
				{"write that changes nothing", []string{set("version = 4")}, ""},
				{"delete", []string{`DELETE FROM ` + tt.table}, "MS002"},
				{"truncate", []string{`TRUNCATE ` + tt.table + ` CASCADE`}, "MS002"},
			}
			for _, step := range steps {
				if got := run(step.statements...); got != step.want {
					t.Fatalf("%s: SQLSTATE %q, want %q", step.what, got, step.want)
				}
			}
		})
	}
}

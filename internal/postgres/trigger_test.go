package postgres_test

import (
	"strings"
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
	for table, tt := range ownedTables {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t, messaging, schema(t, tt.service))
			ctx := t.Context()
			if _, err := pool.Exec(ctx, tt.prepare); err != nil {
				t.Fatal(err)
			}
			key := tt.key(0)
			insert := strings.ReplaceAll(tt.insert, "$1", "'"+key+"'")
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
				return `INSERT INTO outbox_pending VALUES (0, nextval('outbox_seq'), '` + tt.topic + `', '` + key + `', ` + version + `, ` + version + ` - 1)`
			}
			set := func(change string) string { return `UPDATE ` + table + ` SET ` + change }
			steps := []struct {
				what       string
				statements []string
				want       string
			}{
				{"insert without its event", []string{insert}, "MS001"},
				{"insert with another version's event", []string{insert, event("2")}, "MS001"},
				{"insert with its event", []string{insert, event("1")}, ""},
				{"change without version and event", []string{set(tt.change)}, "MS001"},
				{"change without event", []string{set(tt.change + ", version = 2")}, "MS001"},
				{"change that skips a version", []string{set(tt.change + ", version = 3"), event("3")}, "MS001"},
				{"change with version and event", []string{set(tt.change + ", version = 2"), event("2")}, ""},
				{"two changes in one transaction", []string{set("deleted = true, version = 3"), event("3"), set("deleted = false, version = 4"), event("4")}, ""},
				{"write that changes nothing", []string{set("version = 4")}, ""},
				{"delete", []string{`DELETE FROM ` + table}, "MS002"},
				{"truncate", []string{`TRUNCATE ` + table + ` CASCADE`}, "MS002"},
			}
			for _, step := range steps {
				if got := run(step.statements...); got != step.want {
					t.Fatalf("%s: SQLSTATE %q, want %q", step.what, got, step.want)
				}
			}
		})
	}
}

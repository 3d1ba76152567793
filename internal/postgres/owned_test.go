package postgres_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// ownedTable is a table of a service in which a row changes only with its next version and its event.
type ownedTable struct {
	service, topic string
	id             string             // the column with the key of the events
	insert         string             // creates version 1 of the row with the key $1
	change         string             // what an UPDATE sets: another value of a column of the model
	key            func(n int) string // distinct keys for 0 <= n < 26
	prepare        string             // if not empty, runs before the first row
}

// ownedTables has all owned tables of all services, by name as in SQL.
var ownedTables = map[string]ownedTable{
	"product": {
		service: "monolith", topic: "monsplit.product.v1", id: "product_uuid", change: "discontinued = true", key: uuidKey,
		insert: `INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
			VALUES ($1::text::uuid, $1, 'category', 1, now(), now())`,
	},
	"market": {
		service: "catalog", topic: "monsplit.market.v1", id: "iso_code", change: "name = 'other'", key: codeKey,
		insert: `INSERT INTO market (iso_code, name, version, created_at, updated_at) VALUES ($1, 'name', 1, now(), now())`,
	},
	"catalog_entry": {
		service: "catalog", topic: "monsplit.catalog-entry.v1", id: "id", change: "availability_date = '2026-01-01'", key: uuidKey,
		prepare: `ALTER TABLE catalog_entry DROP CONSTRAINT catalog_entry_market_fkey`,
		insert: `INSERT INTO catalog_entry (id, product_uuid, market, version, created_at, updated_at)
			VALUES ($1, $1::uuid, 'DE', 1, now(), now())`,
	},
}

func uuidKey(int) string { return uuid.NewString() }

func codeKey(n int) string { return "A" + string(rune('A'+n)) }

func TestEveryOwnedTableIsListed(t *testing.T) {
	t.Parallel()
	machinery := versioned(t, messaging)
	for _, service := range services.Names(t) {
		var listed, found []string
		for name, table := range ownedTables {
			if table.service == service {
				listed = append(listed, strings.Trim(name, `"`))
			}
		}
		for _, name := range versioned(t, messaging, schema(t, service)) {
			if !strings.HasSuffix(name, "_copy") && !slices.Contains(machinery, name) {
				found = append(found, name)
			}
		}
		if slices.Sort(listed); !slices.Equal(listed, found) {
			t.Errorf("ownedTables lists the tables %q of the service %s, its schema has %q", listed, service, found)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(ownedTables)) {
		if !slices.Contains(services.Names(t), ownedTables[table].service) {
			t.Errorf("%s: there is no service %s", table, ownedTables[table].service)
		}
	}
}

// versioned returns the tables that have a column "version", sorted.
func versioned(t *testing.T, sets ...postgres.Migrations) (names []string) {
	t.Helper()
	rows, err := pgtest.New(t, sets...).Query(t.Context(), `SELECT table_name::text FROM information_schema.columns
		JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'version' ORDER BY table_name COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

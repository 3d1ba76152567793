// Package manyrows fills the tables of a service's database with many rows, without telling the planner. So tests can show
// that the service does not depend on statistics of the empty tables.
package manyrows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Small are the tables that never have many rows, and why. Fill leaves them alone.
var Small = map[string]string{
	"outbox_pause": "a row for each topic that is paused", "idempotency_usage": "a row for each caller that has reached its bound",
	"outbox_lease": "a row for each shard", "outbox_shard": "a row for each partition", "outbox_log": "a row for each shard", "outbox_origin": "a row for each shard",
	"outbox_halt": "a row for each shard", "outbox_instance": "a row for each relay", "consumer_member": "a row for each consumer",
	"consumer_position": "a row for each partition", "wake_channel": "a row for each channel", "sample_import": "a row for each model",
	"api_token": "a row for each program that uses the API", "goose_access": "a row for each migration",
	"admin_user": "a row for each person who uses the admin pages", "admin_session": "a row for each person who has signed in",
	"goose_account": "a row for each migration", "goose_history": "a row for each migration",
	"operator_action": "a row for each command of an operator", "goose_messaging": "a row for each migration",
	"goose_service": "a row for each migration", "market": "two letters name a market",
	"market_copy": "two letters name a market", "legacy_market_id": "two letters name a market",
}

// values are SQL expressions with the row's number n, for columns that need another value than the one for their type.
// A name of a column alone means all tables.
var values = map[string]string{
	"shard": "n % 12", "part": "n % 12", "version": "1", "prev": "0", "topic": "'monsplit.product.v1'", "market": "'AA'",
	"code": "'V' || n",
	// Few entries are available on a day of 2019. They are in the middle of each order.
	"availability_date":     "CASE WHEN n BETWEEN 50001 AND 50300 THEN date '2019-01-01' ELSE date '2020-01-01' END",
	"availability_end_date": "NULL", "product_category": "'category ' || n % 3",
	// A half of the requests is pending.
	"outcome": "CASE WHEN n % 2 = 0 THEN 'accepted' END", "result": "CASE WHEN n % 2 = 0 THEN '{}'::jsonb END",
	"finished_at": "CASE WHEN n % 2 = 0 THEN now() - n * interval '1 ms' END", "unreadable_at": "NULL",
	"consumer_event.outcome": "'applied'", "seqs": "ARRAY[n]", "first_offset": "n",
	"outbox_blocked.key": "'blocked-' || n", "idempotency_key.result": "'{}'", "decided_request.outcome": "'accepted'",
	"expires_at": "now() + interval '7 days'", "retry_at": "now() + interval '7 days'", "needs": "2", "state": "'open'",
}

// byType are the expressions for the other columns.
var byType = map[string]string{
	"uuid": "('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid", "text": "'v' || n", "bytea": "convert_to('v' || n, 'UTF8')",
	"smallint": "n % 12", "integer": "n", "bigint": "n", "boolean": "false", "jsonb": "'{}'", "json": "'[]'", "date": "date '2020-01-01'",
	"timestamp with time zone": "now() - n * interval '1 ms'",
}

// pending makes the new events pending.
const pending = `INSERT INTO outbox_pending (shard, seq, topic, key, version)
	SELECT shard, seq, topic, key, version FROM outbox_event WHERE key LIKE 'v%'`

// withoutStatistics keeps the server from an ANALYZE of any table.
const withoutStatistics = `DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
    END LOOP;
END $$`

// Fill adds rows to each table that can have many, and keeps the server from an ANALYZE. If tables are named, only they get rows. It
// returns the names of the tables with rows. No trigger and no foreign key checks the rows. The user of the URL must be a superuser.
func Fill(t testing.TB, url string, rows int, only ...string) (tables []string) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	columns := columnsOf(t, conn)
	for _, statement := range []string{`SET session_replication_role = replica`, withoutStatistics} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range only {
		if columns[table] == nil || Small[table] != "" {
			t.Fatalf("there is no table %s that can have many rows", table)
		}
	}
	for table, list := range columns {
		if Small[table] != "" || len(only) > 0 && !slices.Contains(only, table) {
			continue
		}
		tables = append(tables, table)
		if table == "outbox_pending" {
			continue // follows the events
		}
		statement := insert(t, table, list, rows)
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
	}
	if _, err := conn.Exec(ctx, pending); err != nil {
		t.Fatal(err)
	}
	return tables
}

// Hide sets the named column to true in all rows but a few, in each table that can have many rows and has such a column. No
// trigger checks it. Afterwards the tables have no dead rows. Statistics stay as they are.
func Hide(t testing.TB, url, name string) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	for table, columns := range columnsOf(t, conn) {
		if Small[table] != "" || !slices.Contains(columns, column{name, "boolean"}) {
			continue
		}
		table = pgx.Identifier{table}.Sanitize()
		// A few rows of the first page stay as they are.
		if _, err := conn.Exec(ctx, fmt.Sprintf(`UPDATE %s SET %s = true WHERE ctid > '(0,5)'`, table, pgx.Identifier{name}.Sanitize())); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, `VACUUM `+table); err != nil {
			t.Fatal(err)
		}
	}
}

type column struct{ Name, Type string }

// columnsOf returns the columns that a row needs, of each table that is not a partition.
func columnsOf(t testing.TB, conn *pgx.Conn) map[string][]column {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c
		JOIN pg_class r ON r.oid = quote_ident(c.table_name)::regclass
		WHERE c.table_schema = 'public' AND r.relkind IN ('r', 'p') AND NOT r.relispartition AND c.is_identity = 'NO'
		AND (c.column_default IS NULL OR c.data_type <> 'bigint' OR c.column_name = 'version')
		ORDER BY 1, c.ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]column{}
	var table string
	var c column
	if _, err := pgx.ForEachRow(rows, []any{&table, &c.Name, &c.Type}, func() error {
		columns[table] = append(columns[table], c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return columns
}

func insert(t testing.TB, table string, columns []column, rows int) string {
	t.Helper()
	names, list := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		value, found := values[table+"."+c.Name]
		if !found {
			value, found = values[c.Name]
		}
		if !found {
			value, found = byType[c.Type]
		}
		if !found {
			t.Fatalf("manyrows has no value for the column %s.%s of type %s", table, c.Name, c.Type)
		}
		names[i], list[i] = pgx.Identifier{c.Name}.Sanitize(), value
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) n", pgx.Identifier{table}.Sanitize(),
		strings.Join(names, ", "), strings.Join(list, ", "), rows)
}

package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Somebody keeps a transaction open, so vacuum removes no dead version. The maintenance removes those of the leases, because each
// renewal reads them. The relay goes on with its leases.
func TestDeadVersionsDoNotSlowTheLeases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	owner, epochs := relayRow(t, b), b.column(`SELECT topic || shard || ' ' || epoch FROM outbox_lease ORDER BY topic, shard`)

	holder, err := b.pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := holder.Exec(t.Context(), `SELECT count(*) FROM pg_class`); err != nil { // takes the snapshot
		t.Fatal(err)
	}
	// Dead versions are made of other rows, so that the relay waits for none of them.
	if _, err := b.pool.Exec(t.Context(), `BEGIN; INSERT INTO outbox_lease (topic, shard) SELECT 'gone', n FROM generate_series(1, 20000) n;
		DELETE FROM outbox_lease WHERE topic = 'gone'; COMMIT`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	before := buffersOfRenewal(t, b, owner)
	if err := Maintain(t.Context(), b.pool, 0); err != nil {
		t.Fatal(err)
	}
	after := buffersOfRenewal(t, b, owner)
	t.Logf("a renewal reads %d buffers, and %d after the maintenance", before, after)
	if before < 1000 || after > 200 {
		t.Errorf("a renewal reads %d buffers, and %d after the maintenance", before, after)
	}
	b.append(versions(b.products, "a", 2, 3)...)
	b.waitUntilSent()
	if now := b.column(`SELECT topic || shard || ' ' || epoch FROM outbox_lease ORDER BY topic, shard`); !slices.Equal(now, epochs) {
		t.Errorf("the leases changed hands:\n%v\n%v", epochs, now)
	}
	if len(relay.State().Halted) > 0 {
		t.Errorf("halted: %v", relay.State().Halted)
	}
}

// A backup locks all tables, for hours. The maintenance does not wait for it, and says what it cannot do.
func TestARewriteDoesNotWaitForALock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	holder, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := holder.Exec(t.Context(), `SELECT count(*) FROM outbox_instance`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO outbox_instance (id, name) SELECT gen_random_uuid(), repeat('x', 1000) FROM generate_series(1, 6000)`); err != nil {
		t.Fatal(err)
	}
	if err := Maintain(t.Context(), b.pool, 0); !strings.Contains(fmt.Sprint(err), "outbox_instance has ") || !strings.Contains(fmt.Sprint(err), "another session holds a lock") {
		t.Errorf("it says %v", err)
	}
}

// relayRow returns the id of the only instance.
func relayRow(t *testing.T, b *bundle) (id [16]byte) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), `SELECT id FROM outbox_instance`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// column returns the texts that a query returns.
func (b *bundle) column(query string) []string {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), query)
	if err != nil {
		b.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// buffersOfRenewal counts the buffers that a renewal of all leases reads.
func buffersOfRenewal(t *testing.T, b *bundle, owner [16]byte) (n int64) {
	t.Helper()
	const count = `SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM (SELECT 'outbox_lease'::regclass::oid AS oid
		UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = 'outbox_lease'::regclass) AS relation`
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	var before int64
	if err := tx.QueryRow(t.Context(), count).Scan(&before); err != nil {
		t.Fatal(err)
	}
	if _, err := messagingdb.New(tx).RenewLeases(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), count).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n - before
}

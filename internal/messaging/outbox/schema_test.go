//go:build !realkafka

package outbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// TestSchemaFitsTheProgram compares the numbers in the first migration with the constants in Go.
func TestSchemaFitsTheProgram(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	rows, err := pool.Query(t.Context(), `SELECT shard FROM outbox_shard ORDER BY shard`)
	if err != nil {
		t.Fatal(err)
	}
	shards, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	if len(shards) != event.Partitions || shards[0] != 0 || shards[len(shards)-1] != event.Partitions-1 {
		t.Errorf("the migration makes the partitions %v, but event.Partitions is %d", shards, event.Partitions)
	}
	var limit, size int
	if err := pool.QueryRow(t.Context(), `SELECT (regexp_match(pg_get_constraintdef(oid), '<= (\d+)'))[1]::int
		FROM pg_constraint WHERE conname = 'outbox_event_payload_check' AND conrelid = 'outbox_event'::regclass`).Scan(&limit); err != nil {
		t.Fatal(err)
	}
	if limit != MaxPayload {
		t.Errorf("the table outbox_event allows a payload of %d bytes, but MaxPayload is %d", limit, MaxPayload)
	}
	if err := pool.QueryRow(t.Context(), `SELECT (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \(''(\d+)''\)'))[1]::int - 1
		FROM pg_class WHERE relname = 'outbox_event_1'`).Scan(&size); err != nil {
		t.Fatal(err)
	}
	if size != partitionSize {
		t.Errorf("the migration makes partitions of %d sequence numbers, but partitionSize is %d", size, partitionSize)
	}
}

// TestAnotherNumberOfShardsStopsTheRelay: the relay takes no shard, and its state says why.
func TestAnotherNumberOfShardsStopsTheRelay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO outbox_shard (shard) VALUES ($1)`, event.Partitions); err != nil {
		t.Fatal(err)
	}
	b.append(message(b.products, "a", 1))
	relay := b.start("a")
	kafkatest.Eventually(t, "the relay says what is wrong", func() bool {
		return strings.Contains(relay.State().Troubles["leases"], fmt.Sprintf("the table outbox_shard has %d partitions, but this program publishes to %d", event.Partitions+1, event.Partitions))
	})
	b.wantLog(b.products, "a")
	if shards := relay.State().Shards; len(shards) != 0 {
		t.Errorf("shards %v are published", shards)
	}
}

// TestMoreShardsEndTheLeases: a migration adds a shard while a relay of an older version runs. The relay stops, and it
// lets its leases end, so that a relay of the new version can take them.
func TestMoreShardsEndTheLeases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("old")
	relay.waitForShards(allShards)
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO outbox_shard (shard) VALUES ($1)`, event.Partitions); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "the relay says what is wrong", func() bool {
		return strings.Contains(relay.State().Troubles["leases"], "the migrations do not fit")
	})
	number := func(query string) (n int64) {
		if err := b.pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const (
		beats = `SELECT sum(beat) FROM outbox_lease`
		scans = `SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'outbox_lease'`
	)
	before, scanned := number(beats), number(scans)
	kafkatest.Eventually(t, "the relay has looked at the leases again, several times", func() bool { return number(scans) > scanned+20 })
	if after := number(beats); after != before {
		t.Errorf("the leases were renewed %d times although the relay cannot serve them", after-before)
	}
}

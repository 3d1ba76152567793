//go:build !realkafka

package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestMaintain(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, pool: pgtest.New(t, messagingMigrations())}
	exec := func(sql string) {
		t.Helper()
		if _, err := b.pool.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	says := "" // what the error of the maintenance says
	maintain := func(retention time.Duration, want ...int64) {
		t.Helper()
		if err := Maintain(t.Context(), b.pool, retention); fmt.Sprint(err) != "<nil>" && says == "" || !strings.Contains(fmt.Sprint(err), says) {
			t.Fatalf("%v does not say %q", err, says)
		}
		got, err := partitions(t.Context(), b.pool)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("partitions %v, want %v (%v)", got, want, err)
		}
	}
	maintain(0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	// Events in partitions 0 to 3. The event in partition 1 is not sent yet.
	for _, seq := range []string{"5", "1000005", "2000005", "3000005"} {
		exec(`SELECT setval('outbox_seq', ` + seq + `)`)
		b.append(message("topic", "key-"+seq, 1))
	}
	exec(`UPDATE outbox_event SET created_at = now() - interval '2 days'; DELETE FROM outbox_pending WHERE seq <> 1000006`)
	maintain(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	maintain(72*time.Hour, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	says = "outbox_event_1 is kept: one of its events is still pending, between the numbers 1000001 and 2000000"
	maintain(24*time.Hour, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11) // the event that is not sent keeps only its own partition
	exec(`DELETE FROM outbox_pending`)
	says = ""
	maintain(24*time.Hour, 3, 4, 5, 6, 7, 8, 9, 10, 11) // the sequence is still in partition 3
	// Appending to an attached partition works as in a partition of the first migration.
	exec(`SELECT setval('outbox_seq', 10000000)`)
	b.append(versions("topic", "late", 1, 3)...)
	// While a transaction reads the table, nothing is dropped: the drop would have to wait, and all appends behind it.
	exec(`SELECT setval('outbox_seq', 10500000)`)
	reader, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := reader.Exec(t.Context(), `SELECT count(*) FROM outbox_event`); err != nil {
		t.Fatal(err)
	}
	says = "outbox_event_3 is kept: another session holds a lock"
	maintain(24*time.Hour, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
}

// If the role of the service may not create tables, the partitions run out some day. The relay says so long before.
func TestLittleRoomIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `SELECT setval('outbox_seq', 5000000)`); err != nil {
		t.Fatal(err)
	}
	status, err := ReadStatus(t.Context(), b.pool)
	if err != nil || status.Room != 3_000_000 {
		t.Errorf("room for %d events, %v", status.Room, err)
	}
	relay := b.start("a")
	kafkatest.Eventually(t, "the relay tells it", func() bool { return strings.Contains(relay.State().Troubles["room"], "3000000 more events") })
	if room := testutil.ToFloat64(relay.metrics.room); room != 3_000_000 {
		t.Errorf("the metric is %v", room)
	}
	if err := Maintain(t.Context(), b.pool, 0); err != nil {
		t.Fatal(err)
	}
	if status, err := ReadStatus(t.Context(), b.pool); err != nil || enoughRoom(status.Room) != nil {
		t.Errorf("after the maintenance: room for %d events, %v", status.Room, err)
	}
}

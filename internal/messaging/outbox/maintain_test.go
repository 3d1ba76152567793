//go:build !realkafka

package outbox

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	maintain := func(retention time.Duration, want ...int64) {
		t.Helper()
		if err := Maintain(t.Context(), b.pool, retention); err != nil {
			t.Fatal(err)
		}
		got, err := partitions(t.Context(), b.pool)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("partitions %v, want %v (%v)", got, want, err)
		}
	}
	maintain(0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	// Events in partitions 0, 1 and 2. The event in partition 1 is not sent yet.
	for _, seq := range []string{"5", "1000005", "2000005"} {
		exec(`SELECT setval('outbox_seq', ` + seq + `)`)
		b.append(message("topic", "key-"+seq, 1))
	}
	exec(`UPDATE outbox_event SET created_at = now() - interval '2 days'; DELETE FROM outbox_pending WHERE seq <> 1000006`)
	maintain(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	maintain(72*time.Hour, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	maintain(24*time.Hour, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) // up to the event that is not sent
	exec(`DELETE FROM outbox_pending`)
	maintain(24*time.Hour, 2, 3, 4, 5, 6, 7, 8, 9, 10) // the sequence is still in partition 2
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
	maintain(24*time.Hour, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
}

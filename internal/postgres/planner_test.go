package postgres_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The planner chooses a sequential scan for a table that was empty when it was analyzed, and sessions keep this plan. While
// Kafka is away, outbox_pending grows. Every write would then read the whole table twice: to find the event's predecessor,
// and in the deferred trigger.
func TestWritesDoNotScanTheOutbox(t *testing.T) {
	t.Parallel()
	for name, tt := range ownedTables {
		// In the mode "auto", PostgreSQL keeps the plan of AppendOne, but plans AppendMany again for each batch.
		for _, mode := range []string{"auto", "force_generic_plan"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				pool := pgtest.New(t, messaging, schema(t, tt.service))
				config := pool.Config().ConnConfig.Copy()
				config.RuntimeParams["plan_cache_mode"] = mode
				w := newWriter(t, config, tt.topic, tt.insert, `UPDATE `+name+` SET version = $2 WHERE `+tt.id+` = $1`)
				others := func(statement string, args ...any) {
					t.Helper()
					if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
						t.Fatal(err)
					}
				}
				others(tt.prepare)
				// Autovacuum would make the session plan again at an unknown time.
				others(`ALTER TABLE outbox_pending SET (autovacuum_enabled = off)`)
				others(`VACUUM ANALYZE outbox_pending`)

				// From the sixth execution of a statement on, PostgreSQL may keep a generic plan. The rows stay pending: later rows
				// would otherwise take their place on the first page, where a sequential scan finds them early.
				const rounds, batch = 8, 12
				one, many := tt.key(0), tt.key(1)
				for round := range int64(rounds) {
					w.write(one, round+1, 1)
					w.write(many, batch*round+1, batch)
				}
				others(`INSERT INTO outbox_pending (shard, seq, topic, key, version)
					SELECT n % $2, nextval('outbox_seq'), $1, 'key-' || n % 5000, n / 5000 + 1 FROM generate_series(0, 49999) n`, tt.topic, event.Partitions)
				w.wantFewBuffers("insert", tt.key(2), 1, 1)
				w.wantFewBuffers("insert with many changes", tt.key(3), 1, batch)
				w.wantFewBuffers("change", one, rounds+1, 1)
				w.wantFewBuffers("many changes", many, batch*rounds+1, batch)

				var wrong int
				err := pool.QueryRow(t.Context(), `SELECT count(*) FROM outbox_pending p WHERE key IN ($1, $2) AND prev_seq <> coalesce(
					(SELECT seq FROM outbox_pending q WHERE q.key = p.key AND q.version = p.version - 1), 0)`, one, many).Scan(&wrong)
				if err != nil || wrong != 0 {
					t.Errorf("%d rows do not name their predecessor (%v)", wrong, err)
				}
				others(`DELETE FROM outbox_pending WHERE key IN ($1, $2)`, one, many) // the relay has sent them
				w.wantFewBuffers("change whose predecessor was sent", one, rounds+2, 1)
				w.wantFewBuffers("many changes whose predecessor was sent", many, batch*(rounds+1)+1, batch)
			})
		}
	}
}

// writer is a session that writes rows of one table together with their events.
type writer struct {
	t                     *testing.T
	session               *pgx.Conn
	topic, insert, change string
}

func newWriter(t *testing.T, config *pgx.ConnConfig, topic, insert, change string) *writer {
	t.Helper()
	session, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close(t.Context()) })
	return &writer{t, session, topic, insert, change}
}

// write writes n versions of a row in one transaction. It returns how many buffers of the outbox were read to append the
// events, and how many in the deferred trigger.
func (w *writer) write(key string, first, n int64) (appending, checking int64) {
	w.t.Helper()
	ctx := w.t.Context()
	var before, appended, checked int64
	if err := pgx.BeginFunc(ctx, w.session, func(tx pgx.Tx) error {
		var msgs []event.Message
		for v := first; v < first+n; v++ {
			msgs = append(msgs, event.Message{ID: uuid.New(), Topic: w.topic, Key: key, Version: v, Type: "test.v1",
				Payload: []byte("{}")})
			statement, args := w.change, []any{key, v}
			if v == 1 {
				statement, args = w.insert, []any{key}
			}
			if _, err := tx.Exec(ctx, statement, args...); err != nil {
				return err
			}
		}
		if err := countBuffers(ctx, tx, &before); err != nil {
			return err
		}
		if err := outbox.Append(ctx, tx, msgs...); err != nil {
			return err
		}
		if err := countBuffers(ctx, tx, &appended); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
			return err
		}
		return countBuffers(ctx, tx, &checked)
	}); err != nil {
		w.t.Fatal(err)
	}
	return appended - before, checked - appended
}

// countBuffers counts the buffers of outbox_pending and its indexes that the session has read. PostgreSQL resets the
// counters between transactions only, so the difference of two counts in one transaction is exact.
func countBuffers(ctx context.Context, tx pgx.Tx, n *int64) error {
	return tx.QueryRow(ctx, `SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM (
		SELECT 'outbox_pending'::regclass::oid AS oid UNION ALL
		SELECT indexrelid FROM pg_index WHERE indrelid = 'outbox_pending'::regclass) AS relation`).Scan(n)
}

// wantFewBuffers fails if a write reads more buffers of the outbox than index scans do. A sequential scan of 50,000 rows
// reads more than 500 buffers.
func (w *writer) wantFewBuffers(what, key string, first, n int64) {
	w.t.Helper()
	most := 30 * n
	appending, checking := w.write(key, first, n)
	if appending > most || checking > most {
		w.t.Errorf("%s: appending %d events read %d buffers, the trigger %d; want at most %d", what, n, appending, checking, most)
	}
	w.t.Logf("%s: appending %d events read %d buffers, the trigger %d", what, n, appending, checking)
}

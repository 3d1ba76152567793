//go:build !realkafka

package outbox

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// explainer keeps the plan of a query and returns no rows.
type explainer struct {
	messagingdb.DBTX
	plan string
}

func (e *explainer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := e.DBTX.Query(ctx, "EXPLAIN (COSTS OFF) "+sql, args...)
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	e.plan = strings.Join(lines, "\n")
	if err != nil {
		return nil, err
	}
	return e.DBTX.Query(ctx, "SELECT WHERE false")
}

// TestPlansDoNotDependOnStatistics: with statistics of empty tables and of full ones, claims and marks use indexes and
// do not sort.
func TestPlansDoNotDependOnStatistics(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	config := pool.Config().ConnConfig.Copy()
	maps.Copy(config.RuntimeParams, PlannerSettings())
	fill := `INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload)
		SELECT n % ` + strconv.Itoa(event.Partitions) + `, gen_random_uuid(), 'topic', 'key-' || n % 5000, n / 5000 + 1, n / 5000, 'type', 'x' FROM generate_series(0, 199999) n;
		INSERT INTO outbox_pending (shard, seq, topic, key, version) SELECT shard, seq, topic, key, version FROM outbox_event`
	for _, step := range []struct{ name, sql string }{
		{"statistics of empty tables", `VACUUM ANALYZE`},
		{"statistics of empty tables, many rows", fill},
		{"statistics of many rows", `VACUUM ANALYZE`},
		{"statistics of many rows, empty tables", `DELETE FROM outbox_pending`},
	} {
		for sql := range strings.SplitSeq(step.sql, ";") {
			if _, err := pool.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		e := &explainer{DBTX: conn}
		q := messagingdb.New(e)
		if _, err := q.ClaimPending(t.Context(), messagingdb.ClaimPendingParams{Shards: []int16{1}, Epochs: []int64{1}, Lows: []int64{0}, Owner: uuid.New(), MaxRows: 10, MaxBytes: 10}); err != nil {
			t.Fatal(err)
		}
		claim := e.plan
		if _, err := q.MarkSent(t.Context(), messagingdb.MarkSentParams{Owner: uuid.New(), Shards: []int16{1}, Epochs: []int64{1}, RowShards: []int16{1}, Seqs: []int64{1}}); err != nil {
			t.Fatal(err)
		}
		for statement, plan := range map[string]string{"claim": claim, "mark": e.plan} {
			for _, bad := range []string{"Seq Scan", "Bitmap", "Hash Join", "Merge Join", "Materialize"} {
				if strings.Contains(plan, bad) {
					t.Errorf("%s with %s: the plan has a %s:\n%s", statement, step.name, bad, plan)
				}
			}
			if !strings.Contains(plan, "Index Scan using outbox_pending_pkey on outbox_pending p") {
				t.Errorf("%s with %s: the plan does not use the index on shard and sequence:\n%s", statement, step.name, plan)
			}
		}
		if strings.Contains(claim, "Sort") {
			t.Errorf("claim with %s: the plan sorts:\n%s", step.name, claim)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

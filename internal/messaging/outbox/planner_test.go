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
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/pgtx"
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

// TestPlansDoNotDependOnStatistics: with statistics of empty tables and of full ones, claims and marks use indexes, and claims
// do not sort.
func TestPlansDoNotDependOnStatistics(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	fill := `INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload)
		SELECT n % ` + strconv.Itoa(event.Partitions) + `, gen_random_uuid(), 'topic', 'key-' || n % 5000, n / 5000 + 1, n / 5000, 'type', 'x' FROM generate_series(0, 199999) n;
		INSERT INTO outbox_pending (shard, seq, topic, key, version) SELECT shard, seq, topic, key, version FROM outbox_event`
	claim := func(q *messagingdb.Queries) error {
		_, err := q.ClaimPending(t.Context(), messagingdb.ClaimPendingParams{Topics: []string{"topic"}, Shards: []int16{1}, Epochs: []int64{1}, Lows: []int64{0}, Owner: uuid.New(), MaxRows: 10, MaxBytes: 10})
		return err
	}
	mark := func(q *messagingdb.Queries) error {
		_, err := q.MarkSent(t.Context(), messagingdb.MarkSentParams{Owner: uuid.New(), Topics: []string{"topic"}, Shards: []int16{1},
			Epochs: []int64{1}, Ends: []int64{1}, RowNumbers: []int32{1}, Seqs: []int64{1}})
		return err
	}
	for _, step := range []struct {
		name, sql string
		empty     bool
	}{
		{"statistics of empty tables", `VACUUM ANALYZE`, true},
		{"statistics of empty tables, many rows", fill, false},
		{"statistics of many rows", `VACUUM ANALYZE`, false},
		{"statistics of many rows, empty tables", `DELETE FROM outbox_pending`, false},
	} {
		for sql := range strings.SplitSeq(step.sql, ";") {
			if _, err := pool.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		// A claim keeps its plan, so that must also use the conditions if the tables were empty.
		wantPlan(t, "claim with "+step.name, planOf(t, pool, PlannerSettings(), claim), []string{"Sort"}, []string{
			"Index Scan using outbox_pending_pkey on outbox_pending p", "Index Cond: ((shard = (unnest(",
			"Index Cond: (seq = p.seq)", "Index Cond: ((topic = p.topic) AND (key = p.key))",
		})
		conditions := []string{"Index Scan using outbox_pending_pkey on outbox_pending p"}
		if !step.empty {
			conditions = append(conditions, `Index Cond: ((shard = ('{1}'::smallint[])[s.n]) AND (topic = ('{topic}'::text[])[s.n]) AND (seq = s.seq))`)
		}
		wantPlan(t, "mark with "+step.name, planOf(t, pool, pgtx.PlannerSettings(), mark), nil, conditions)
	}
}

// planOf returns the plan of a query on a new connection with these settings.
func planOf(t *testing.T, pool *pgxpool.Pool, settings map[string]string, query func(*messagingdb.Queries) error) string {
	t.Helper()
	config := pool.Config().ConnConfig.Copy()
	maps.Copy(config.RuntimeParams, settings)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	e := &explainer{DBTX: conn}
	if err := query(messagingdb.New(e)); err != nil {
		t.Fatal(err)
	}
	return e.plan
}

func wantPlan(t *testing.T, what, plan string, without, with []string) {
	t.Helper()
	for _, bad := range append(without, "Seq Scan", "Bitmap", "Hash Join", "Merge Join", "Materialize") {
		if strings.Contains(plan, bad) {
			t.Errorf("%s: the plan has a %s:\n%s", what, bad, plan)
		}
	}
	for _, part := range with {
		if !strings.Contains(plan, part) {
			t.Errorf("%s: the plan does not have %q:\n%s", what, part, plan)
		}
	}
}

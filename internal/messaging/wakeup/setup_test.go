package wakeup_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestMain fails if goroutines outlive the tests. A server that pgtest has started ends with the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

// schema has a copy, as a service would keep it.
const schema = `
CREATE TABLE thing_copy (id text PRIMARY KEY, version bigint NOT NULL);
INSERT INTO consumer_position (topic, part, next_offset) SELECT 'test.thing.v1', n, 0 FROM generate_series(0, 11) n;`

const (
	kind    = "thing copy"
	patient = 20 * time.Second // for what must happen soon
)

func newDatabase(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	exec(t, pool, schema)
	return pool
}

// instance is the waiting part of one process of a service.
type instance struct {
	*wakeup.Waiters
	t       testing.TB
	pool    *pgxpool.Pool
	looks   atomic.Int64
	failing atomic.Bool // looks fail
	// beforeLook is called before each look; may be nil
	beforeLook atomic.Pointer[func()]
}

// onlyTold lets an instance look only when something tells of a change: not after the poll, and not after an arm.
var onlyTold = wakeup.Config{Poll: time.Hour, ArmEvery: time.Hour, Retry: 10 * time.Millisecond}

// start runs an instance with a pool of its own until the end of the test.
func start(t testing.TB, database *pgxpool.Pool, cfg wakeup.Config) *instance {
	t.Helper()
	i := &instance{t: t, pool: pgtest.Open(t, pgtest.URL(database))}
	i.Waiters = wakeup.New(i.pool, cfg, slog.New(slog.DiscardHandler))
	i.Register(kind, i.lookup)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	kafkatest.Eventually(t, "it listens", func() bool { return i.listens() != 0 && i.Idle() })
	return i
}

// listens returns the process of PostgreSQL to which the instance listens, or 0.
func (i *instance) listens() int {
	i.t.Helper()
	return query[int](i.t, i.pool, `SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE datname = current_database()
		AND application_name LIKE '%wakeup' AND query LIKE 'LISTEN%' AND state = 'idle'`)
}

func (i *instance) lookup(ctx context.Context, ids []string) (map[string]int64, error) {
	i.looks.Add(1)
	if f := i.beforeLook.Load(); f != nil {
		(*f)()
	}
	if i.failing.Load() {
		return nil, errors.New("the database is away")
	}
	rows, err := i.pool.Query(ctx, `SELECT id, version FROM thing_copy WHERE id = ANY ($1)`, ids)
	if err != nil {
		return nil, err
	}
	versions, id, version := map[string]int64{}, "", int64(0)
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		versions[id] = version
		return nil
	})
	return versions, err
}

// wait begins to wait. The channel gets the result.
func (i *instance) wait(ctx context.Context, id string, version int64) <-chan error {
	result := make(chan error, 1)
	go func() { result <- i.Wait(ctx, kind, id, version) }()
	return result
}

// untilArmed waits until n callers wait and the channel is armed for them.
func (i *instance) untilArmed(n int) {
	i.t.Helper()
	kafkatest.Eventually(i.t, "the channel is armed", func() bool {
		return i.metric("wakeup_waiting") == float64(n) && i.Idle() && armed(i.t, i.pool)
	})
}

func (i *instance) metric(name string) float64 {
	i.t.Helper()
	for _, c := range i.Collectors() {
		if testutil.CollectAndCount(c, name) == 1 {
			return testutil.ToFloat64(c)
		}
	}
	i.t.Fatalf("there is no metric %s", name)
	return 0
}

// apply commits a change as a consumer does: it moves its position and changes the copy.
func apply(t testing.TB, pool *pgxpool.Pool, version int64, ids ...string) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE consumer_position SET next_offset = next_offset + 1`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO thing_copy SELECT unnest($1::text[]), $2
			ON CONFLICT (id) DO UPDATE SET version = excluded.version`, ids, version)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func armed(t testing.TB, pool *pgxpool.Pool) bool {
	t.Helper()
	return query[bool](t, pool, `SELECT armed FROM wake_channel WHERE channel = $1`, wakeup.ConsumerPosition)
}

func exec(t testing.TB, pool *pgxpool.Pool, statement string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func query[V any](t testing.TB, pool *pgxpool.Pool, statement string, args ...any) (v V) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), statement, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return v
}

// wantReached fails unless each wait ends well, and soon.
func wantReached(t testing.TB, results ...<-chan error) {
	t.Helper()
	limit := time.After(patient)
	for _, result := range results {
		select {
		case err := <-result:
			if err != nil {
				t.Fatalf("a wait ended with %v", err)
			}
		case <-limit:
			t.Fatal("a wait did not end in time")
		}
	}
}

// wantWaiting fails if a wait has ended.
func wantWaiting(t testing.TB, results ...<-chan error) {
	t.Helper()
	for _, result := range results {
		select {
		case err := <-result:
			t.Fatalf("a wait ended too early, with %v", err)
		default:
		}
	}
}

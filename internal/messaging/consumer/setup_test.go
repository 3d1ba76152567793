package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestMain fails if goroutines outlive the tests. A server that pgtest has started ends with the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

const topic = "test.thing.v1"

var tp = broker.TopicPartition{Topic: topic, Partition: 3}

// schema has a copy as a service would keep it, a table with one row for each change, so that a repeated change shows, and
// two tables whose constraints are checked only at COMMIT.
const schema = `
CREATE TABLE thing_copy (id text PRIMARY KEY, version bigint NOT NULL, name varchar(100),
    deleted boolean NOT NULL DEFAULT false);
CREATE TABLE thing_change (seq bigint GENERATED ALWAYS AS IDENTITY, id text NOT NULL, version bigint NOT NULL);
CREATE TABLE late_unique (n int, UNIQUE (n) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE TABLE late_bug (n int);
CREATE FUNCTION late_bug() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'changed without its event' USING ERRCODE = 'MS001'; END $$;
CREATE CONSTRAINT TRIGGER late_bug AFTER INSERT ON late_bug DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION late_bug();`

// bundle is one service's consumer on a database of its own.
type bundle struct {
	t    testing.TB
	pool *pgxpool.Pool
	*consumer.Consumer[*tx]
	config    consumer.Config[*tx]
	calls     *atomic.Int64 // calls of the handler
	committed *atomic.Int64
}

// tx is the service's own transaction type.
type tx struct{ pgx.Tx }

func setup(t testing.TB, change ...func(*consumer.Config[*tx])) *bundle {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if _, err := pool.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return on(t, pool, change...)
}

// on returns another instance of the service on the same database.
func on(t testing.TB, pool *pgxpool.Pool, change ...func(*consumer.Config[*tx])) *bundle {
	t.Helper()
	b := &bundle{t: t, pool: pool, calls: new(atomic.Int64), committed: new(atomic.Int64)}
	b.config = consumer.Config[*tx]{
		Group: "test",
		Topics: map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
			b.calls.Add(1)
			return applyThings(ctx, t, events)
		}},
		Bind:       func(t pgx.Tx) *tx { return &tx{t} },
		Classify:   classify,
		Versions:   map[string]consumer.VersionOf[*tx]{topic: thingVersion},
		Committed:  func(*tx) { b.committed.Add(1) },
		BackoffMin: time.Millisecond,
		BackoffMax: 2 * time.Millisecond,
	}
	for _, f := range change {
		f(&b.config)
	}
	b.Consumer = consumer.New(pool, b.config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	return b
}

// wrap calls f before the handler, with the number of the call.
func wrap(f func(ctx context.Context, call int64, t *tx) error) func(*consumer.Config[*tx]) {
	return func(c *consumer.Config[*tx]) {
		inner, calls := c.Topics[topic], new(atomic.Int64)
		c.Topics = map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
			if err := f(ctx, calls.Add(1), t); err != nil {
				return err
			}
			return inner(ctx, t, events)
		}}
	}
}

// thing is the data of the events, as this consumer uses it. Fail names the way in which the handler fails.
type thing struct {
	Name string `json:"name"`
	Fail string `json:"fail,omitempty"`
}

func applyThings(ctx context.Context, t *tx, events []consumer.Event) error {
	for _, e := range events {
		if e.Purge {
			_, err := t.Exec(ctx, `UPDATE thing_copy SET name = NULL, deleted = true WHERE id = $1`, e.Key)
			if err != nil {
				return err
			}
			continue
		}
		data, err := consumer.Data[thing](e)
		if err != nil {
			return err
		}
		if err := fail(ctx, t, data.Fail); err != nil {
			return err
		}
		tag, err := t.Exec(ctx, `INSERT INTO thing_copy (id, version, name) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name
			WHERE thing_copy.version < excluded.version`, e.Key, e.Version, data.Name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		if _, err := t.Exec(ctx, `INSERT INTO thing_change (id, version) VALUES ($1, $2)`, e.Key, e.Version); err != nil {
			return err
		}
	}
	return nil
}

// businessError takes the place of a service's error type.
type businessError struct{ code string }

func (e *businessError) Error() string { return "the business code says " + e.code }

// classify is how the service tells the consumer which of its errors are poison.
func classify(err error) consumer.Verdict {
	e, ok := errors.AsType[*businessError](err)
	switch {
	case !ok:
		return consumer.Verdict{}
	case e.code == "invalid" || e.code == "malformed":
		return consumer.Verdict{Decision: consumer.PoisonEvent, Code: e.code}
	default:
		return consumer.Verdict{Decision: consumer.RetryBatch}
	}
}

var errUnknown = errors.New("an unexpected error")

// fail fails in the way that how names.
func fail(ctx context.Context, t *tx, how string) error {
	sql := ""
	switch how {
	case "poison":
		return fmt.Errorf("wrapped: %w", consumer.Poison("no such size"))
	case "invalid":
		return &businessError{"invalid"}
	case "malformed":
		return fmt.Errorf("wrapped: %w", &businessError{"malformed"})
	case "panic":
		var none []int
		_ = none[len(how)]
	case "json":
		return json.Unmarshal([]byte(`{"n":"x"}`), &struct{ N int }{})
	case "slow":
		<-ctx.Done()
		return ctx.Err()
	case "unknown":
		return errUnknown
	case "conflict":
		return &businessError{"conflict"}
	case "unavailable":
		return errors.Join(&businessError{"unavailable"}, &json.SyntaxError{}) // Classify decides before the rule for JSON
	case "too long":
		sql = `UPDATE thing_copy SET name = repeat('x', 101)`
	case "unique":
		sql = `INSERT INTO thing_copy (id, version) VALUES ('twice', 1), ('twice', 1)`
	case "numbered":
		sql = `INSERT INTO numbered (name) VALUES ('x')`
	case "append": // as outbox.Append
		sql = `WITH e AS (INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload)
				VALUES (0, gen_random_uuid(), 'topic', 'key', 1, 0, 'type', '') RETURNING shard, seq, topic, key, version)
			INSERT INTO outbox_pending SELECT e.* FROM e`
	case "late unique":
		sql = `INSERT INTO late_unique VALUES (1), (1)`
	case "late bug":
		sql = `INSERT INTO late_bug VALUES (1)`
	case "cut":
		sql = `SELECT pg_terminate_backend(pg_backend_pid())`
	default:
		if len(how) == 5 {
			sql = `DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '` + how + `'; END $$`
		}
	}
	if sql == "" {
		return nil
	}
	if how == "too long" {
		if _, err := t.Exec(ctx, `INSERT INTO thing_copy (id, version) VALUES ('some', 1) ON CONFLICT DO NOTHING`); err != nil {
			return err
		}
	}
	_, err := t.Exec(ctx, sql)
	return err
}

func thingVersion(ctx context.Context, t *tx, key string) (version int64, err error) {
	err = t.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM thing_copy WHERE id = $1`, key).Scan(&version)
	return version, err
}

// message returns the event of a thing, as its owner would send it.
func message(key string, version int64, data thing) broker.Record {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	value, err := json.Marshal(event.Event{
		ID: fmt.Sprintf("%s-%d", key, version), Source: "/things", Type: "test.thing.changed.v1", Subject: key,
		Time: time.Now(), Version: version, Data: raw,
	})
	if err != nil {
		panic(err)
	}
	return broker.Record{
		Key: []byte(key), Value: value,
		Headers: []broker.Header{{Key: event.HeaderContentType, Value: []byte(event.ContentType)}, {Key: "null"}},
	}
}

// named returns the event of a thing that can be applied.
func named(key string, version int64) broker.Record {
	return message(key, version, thing{Name: fmt.Sprintf("%s v%d", key, version)})
}

func failing(key string, version int64, how string) broker.Record {
	return message(key, version, thing{Name: "bad", Fail: how})
}

func raw(key, value string) broker.Record {
	return broker.Record{Key: []byte(key), Value: []byte(value)}
}

func purge(key string) broker.Record { return broker.Record{Key: []byte(key)} }

// log gives the records offsets, beginning with from.
func log(from int64, records ...broker.Record) []broker.Fetched {
	fetched := make([]broker.Fetched, len(records))
	for i, r := range records {
		fetched[i] = broker.Fetched{Record: r, Offset: from + int64(i)}
	}
	return fetched
}

func (b *bundle) seed(logStart int64) {
	b.t.Helper()
	kafkatest.Eventually(b.t, "the position is seeded", func() bool { // a consumer under test may have little time for it
		_, err := b.Position(b.t.Context(), tp, broker.LogStart{Offset: logStart})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			b.t.Fatal(err)
		}
		return err == nil
	})
}

// handle applies records with offsets that begin with from. It must succeed.
func (b *bundle) handle(from int64, records ...broker.Record) {
	b.t.Helper()
	next := from + int64(len(records))
	if err := b.Handle(b.t.Context(), tp, from, broker.At(next), log(from, records...)); err != nil {
		b.t.Fatalf("handle: %s", err)
	}
}

func query[V any](b *bundle, sql string, args ...any) V {
	b.t.Helper()
	var v V
	if err := b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&v); err != nil {
		b.t.Fatalf("%s: %s", sql, err)
	}
	return v
}

// positionOf returns the stored position.
func (b *bundle) positionOf(tp broker.TopicPartition) int64 {
	b.t.Helper()
	return query[int64](b, `SELECT next_offset FROM consumer_position WHERE topic = $1 AND part = $2`, tp.Topic, tp.Partition)
}

// wantPosition checks the stored position.
func (b *bundle) wantPosition(want int64) {
	b.t.Helper()
	if got := b.positionOf(tp); got != want {
		b.t.Errorf("the position is %d, want %d", got, want)
	}
}

// wantChanges checks all changes of copies, in order, as in "a1 b1 a2".
func (b *bundle) wantChanges(want string) {
	b.t.Helper()
	got := query[string](b, `SELECT coalesce(string_agg(id || version, ' ' ORDER BY seq), '') FROM thing_change`)
	if got != want {
		b.t.Errorf("changes are %q, want %q", got, want)
	}
}

// wantLetters checks all dead letters, sorted by offset, as in "5:poison/open".
func (b *bundle) wantLetters(want string) {
	b.t.Helper()
	got := query[string](b, `SELECT coalesce(string_agg("offset" || ':' || code || '/' || state, ' ' ORDER BY part, "offset"), '')
		FROM dead_letter`)
	if got != want {
		b.t.Errorf("dead letters are %q, want %q", got, want)
	}
}

func wantReseek(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, broker.ErrReseek) {
		t.Errorf("error %v, want ErrReseek", err)
	}
}

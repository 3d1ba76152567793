package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestMain fails if goroutines outlive the tests. A server that pgtest has started ends with the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

const (
	topic    = "test.shelf-request.v1"
	outcomes = "test.shelf-outcome.v1"
)

var tp = broker.TopicPartition{Topic: topic, Partition: 3}

// schema belongs to an owner of things that lie on shelves. The names of things are unique. The shelves are a copy. Each
// change of a thing is a row of thing_change, so that a repeated change shows.
const schema = `
CREATE TABLE shelf_copy (id text PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE thing (name text PRIMARY KEY, version bigint NOT NULL, size int CHECK (size < 100));
CREATE TABLE thing_change (seq bigint GENERATED ALWAYS AS IDENTITY, text text NOT NULL);`

// bundle is an instance of the owner.
type bundle struct {
	*testing.T
	pool     *pgxpool.Pool
	owner    *request.Owner[*tx, order]
	consumer *consumer.Consumer[*tx]

	clock     *atomic.Int64 // in seconds
	broken    *atomic.Bool  // decisions that can fail do
	committed *atomic.Int64 // transactions
	prepared  *atomic.Int64
}

type tx struct{ pgx.Tx }

// order is what a request asks for.
type order struct {
	ID   string `json:"id"` // of the request
	Do   string `json:"do"`
	Name string `json:"name"`
}

// body is the data of a request.
type body struct {
	order
	Needs     int64     `json:"needs"`
	ExpiresAt time.Time `json:"expires_at"`
}

func setup(t *testing.T) *bundle {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if _, err := pool.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	b := on(t, pool)
	b.shelf("a", 1)
	b.shelf("b", 1)
	return b
}

// on returns another instance on the same database.
func on(t *testing.T, pool *pgxpool.Pool, change ...func(*request.OwnerConfig[*tx, order])) *bundle {
	t.Helper()
	b := &bundle{T: t, pool: pool, clock: new(atomic.Int64), broken: new(atomic.Bool), committed: new(atomic.Int64), prepared: new(atomic.Int64)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	committed := func(*tx) { b.committed.Add(1) }
	cfg := request.OwnerConfig[*tx, order]{
		Topic: topic, Outcomes: outcomes,
		Bind: func(t pgx.Tx) *tx { return &tx{t} }, Raw: func(t *tx) pgx.Tx { return t.Tx }, Committed: committed,
		Read: read, UsableKey: func(key string) bool { return key != "unusable" }, Versions: versions,
		Prepare: func(context.Context, *tx, []order) error {
			b.prepared.Add(1)
			return nil
		},
		Decide: b.decide, Refused: func(err error) bool { return errors.Is(err, errRefused) },
		Discarded: func(note string) error { return fmt.Errorf("%w: discarded, %s", errRefused, note) },
		Append:    appendOutcomes, Keep: time.Hour, MetricsNamespace: "test", Now: b.now,
	}
	for _, f := range change {
		f(&cfg)
	}
	b.owner = request.NewOwner(pool, cfg, log)
	b.consumer = consumer.New(pool, consumer.Config[*tx]{
		Group: "test", Topics: map[string]consumer.Handler[*tx]{topic: b.owner.Handle}, Queues: map[string]bool{topic: true},
		DeadLettered: map[string]consumer.DeadLetteredFunc[*tx]{topic: b.owner.DeadLettered},
		Discarded:    map[string]consumer.DiscardedFunc[*tx]{topic: b.owner.Discarded},
		Bind:         cfg.Bind, Committed: committed,
		BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond,
	}, log)
	return b
}

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (b *bundle) now() time.Time { return at(b.clock.Load()) }

// at returns the time when the clock of the owner shows the second.
func at(second int64) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

func read(e consumer.Event) (request.Received[order], error) {
	data, err := consumer.Data[body](e)
	if err != nil {
		return request.Received[order]{}, err
	}
	return request.Received[order]{
		ID: uuid.MustParse(e.ID), Key: e.Key, Number: e.Version, Needs: data.Needs, ExpiresAt: data.ExpiresAt, Subject: data.Name,
		Body: data.order,
	}, nil
}

func versions(ctx context.Context, t *tx, keys []string) (map[string]int64, error) {
	rows, err := t.Query(ctx, `SELECT id, version FROM shelf_copy WHERE id = ANY ($1)`, keys)
	if err != nil {
		return nil, err
	}
	found := map[string]int64{}
	var id string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		found[id] = version
		return nil
	})
	return found, err
}

var (
	errRefused = errors.New("refused")
	errBug     = errors.New("an unexpected error")
)

// decide makes the change that the order names, or fails in the way that it names.
func (b *bundle) decide(ctx context.Context, t *tx, o order) (version int64, changed bool, err error) {
	if _, err := t.Exec(ctx, `INSERT INTO thing_change (text) VALUES ($1)`, o.Do+" "+o.Name); err != nil {
		return 0, false, err
	}
	switch {
	case o.Do == "put":
		_, err := t.Exec(ctx, `INSERT INTO thing (name, version) VALUES ($1, 1)`, o.Name)
		if pgtx.SQLState(err) == "23505" {
			return 0, false, fmt.Errorf("%w: %s is there: %w", errRefused, o.Name, err)
		}
		return 1, true, err
	case o.Do == "take":
		tag, err := t.Exec(ctx, `DELETE FROM thing WHERE name = $1`, o.Name)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("%w: there is no %s", errRefused, o.Name)
		}
		return 2, true, err
	case o.Do == "look":
		return 7, false, nil
	case !b.broken.Load():
		return 1, true, nil
	case o.Do == "panic":
		panic("no shelf is that long")
	case o.Do == "bug":
		return 0, false, errBug
	case o.Do == "too big":
		_, err := t.Exec(ctx, `INSERT INTO thing (name, version, size) VALUES ($1, 1, 100)`, o.Name)
		return 0, false, err
	case o.Do == "cut":
		_, err := t.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
		return 0, false, err
	default: // an SQLSTATE
		_, err := t.Exec(ctx, `DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '`+o.Do+`'; END $$`)
		return 0, false, err
	}
}

// outcome is the data of an outcome's message.
type outcome struct {
	Request, Kind, Subject, Refusal string
	Version                         int64
}

func appendOutcomes(ctx context.Context, t *tx, list ...request.Outcome) error {
	for _, o := range list {
		data := outcome{Request: o.Request.String(), Kind: string(o.Kind), Subject: o.Subject, Version: o.Version}
		if o.Refusal != nil {
			data.Refusal, _, _ = strings.Cut(o.Refusal.Error(), ": ERROR")
		}
		payload, err := json.Marshal(data)
		if err != nil {
			return err
		}
		m := event.Message{ID: o.ID, Topic: outcomes, Key: o.Key, Version: o.Number, Type: "test.decided.v1", Payload: payload}
		if err := outbox.Append(ctx, t, m); err != nil {
			return err
		}
	}
	return nil
}

// shelf sets the version of a shelf's copy.
func (b *bundle) shelf(id string, version int64) {
	b.Helper()
	_, err := b.pool.Exec(b.Context(), `INSERT INTO shelf_copy VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version`, id, version)
	if err != nil {
		b.Fatal(err)
	}
}

// get delivers requests as one batch that begins where the last one ended.
func (b *bundle) get(asks ...ask) {
	b.Helper()
	if err := b.handle(records(asks)...); err != nil {
		b.Fatalf("get: %s", err)
	}
}

func (b *bundle) handle(list ...broker.Record) error {
	b.Helper()
	at, err := b.consumer.Position(b.Context(), tp, broker.LogStart{})
	if err != nil {
		b.Fatal(err)
	}
	fetched := make([]broker.Fetched, len(list))
	for i, r := range list {
		fetched[i] = broker.Fetched{Record: r, Offset: at.Offset + int64(i)}
	}
	return b.consumer.Handle(b.Context(), tp, at.Offset, broker.At(at.Offset+int64(len(list))), fetched)
}

func (b *bundle) release() {
	b.Helper()
	if err := b.owner.ReleaseAll(b.Context()); err != nil {
		b.Fatalf("release: %s", err)
	}
}

func query[V any](b *bundle, sql string, args ...any) V {
	b.Helper()
	var v V
	if err := b.pool.QueryRow(b.Context(), sql, args...).Scan(&v); err != nil {
		b.Fatalf("%s: %s", sql, err)
	}
	return v
}

// outcomes returns the outcomes of a key in the order of the topic, as in "1 accepted pen v1, 2 refused pen (why)".
func (b *bundle) outcomes(key string) string {
	b.Helper()
	rows, err := b.pool.Query(b.Context(), `SELECT version, payload FROM outbox_event WHERE topic = $1 AND key = $2 ORDER BY seq`, outcomes, key)
	if err != nil {
		b.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var number int64
		var payload []byte
		if err := row.Scan(&number, &payload); err != nil {
			return "", err
		}
		var o outcome
		if err := json.Unmarshal(payload, &o); err != nil {
			return "", err
		}
		text := strings.TrimSpace(fmt.Sprintf("%d %s %s", number, o.Kind, o.Subject))
		if o.Version > 0 {
			text += fmt.Sprintf(" v%d", o.Version)
		}
		if o.Refusal != "" {
			text += " (" + strings.TrimPrefix(o.Refusal, "refused: ") + ")"
		}
		return text, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return strings.Join(list, ", ")
}

func (b *bundle) wantOutcomes(key, want string) {
	b.Helper()
	if got := b.outcomes(key); got != want {
		b.Errorf("outcomes of %s: %s\nwant %s", key, got, want)
	}
}

// wantChanges checks all changes that were committed, in order.
func (b *bundle) wantChanges(want string) {
	b.Helper()
	if got := query[string](b, `SELECT coalesce(string_agg(text, ', ' ORDER BY seq), '') FROM thing_change`); got != want {
		b.Errorf("changes: %s\nwant %s", got, want)
	}
}

// wantLetters checks all dead letters, as in "5:poison/open".
func (b *bundle) wantLetters(want string) {
	b.Helper()
	got := query[string](b, `SELECT coalesce(string_agg("offset" || ':' || code || '/' || state, ' ' ORDER BY part, "offset"), '')
		FROM dead_letter`)
	if got != want {
		b.Errorf("dead letters: %q, want %q", got, want)
	}
}

func (b *bundle) wantParked(want int) {
	b.Helper()
	if got := query[int](b, `SELECT count(*) FROM parked_request`); got != want {
		b.Errorf("%d parked requests, want %d", got, want)
	}
}

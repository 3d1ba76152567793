package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

const sentTopic = "test.thing-request.v1"

// asker is a service that sends requests, on a database of its own.
type asker struct {
	t    *testing.T
	pool *pgxpool.Pool
}

func setupAsker(t *testing.T) *asker {
	t.Helper()
	return &asker{t: t, pool: pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})}
}

func (a *asker) inTx(f func(tx pgx.Tx) error) {
	a.t.Helper()
	if err := postgres.InTx(a.t.Context(), a.pool, f); err != nil {
		a.t.Error(err) // not Fatal: tests call this in other goroutines too
	}
}

// send sends a request for the key, as a service does.
func (a *asker) send(key string, once *request.Once) (s request.Sent) {
	a.t.Helper()
	a.inTx(func(tx pgx.Tx) (err error) {
		s, err = a.sendIn(tx, key, once)
		return err
	})
	return s
}

func (a *asker) sendIn(tx pgx.Tx, key string, once *request.Once) (request.Sent, error) {
	ctx := a.t.Context()
	if once != nil {
		if s, err := request.Recall(ctx, tx, *once); !errors.Is(err, request.ErrUnknown) {
			return s, err
		}
	}
	number, err := request.NextNumber(ctx, tx, sentTopic, key)
	if err != nil {
		return request.Sent{}, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := request.Sent{
		ID: uuid.Must(uuid.NewV7()), Topic: sentTopic, Key: key, Number: number, Subject: "thing of " + key,
		Body: json.RawMessage(`{"a": 1}`), CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	return s, request.Send(ctx, tx, s, once, messageOf(s))
}

func messageOf(s request.Sent) event.Message {
	return event.Message{ID: s.ID, Topic: s.Topic, Key: s.Key, Version: s.Number, Type: "test.asked.v1", Payload: []byte(`{}`)}
}

func (a *asker) get(id uuid.UUID) request.Sent {
	a.t.Helper()
	s, err := request.Get(a.t.Context(), a.pool, sentTopic, id)
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *asker) finish(decisions ...request.Decision) (finished []request.Finished) {
	a.t.Helper()
	a.inTx(func(tx pgx.Tx) (err error) {
		finished, err = request.Finish(a.t.Context(), tx, decisions)
		return err
	})
	return finished
}

// appended returns the numbers of the key's messages in the order of the outbox.
func (a *asker) appended(key string) []int64 {
	a.t.Helper()
	rows, err := a.pool.Query(a.t.Context(), "SELECT version FROM outbox_event WHERE key = $1 ORDER BY seq", key)
	if err != nil {
		a.t.Fatal(err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		a.t.Fatal(err)
	}
	return numbers
}

func (a *asker) exec(sql string, args ...any) {
	a.t.Helper()
	if _, err := a.pool.Exec(a.t.Context(), sql, args...); err != nil {
		a.t.Fatal(err)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	sent := a.send("k", &request.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}})
	got := a.get(sent.ID)
	if fmt.Sprint(got) != fmt.Sprint(sent) {
		t.Errorf("stored %+v\nsent   %+v", got, sent)
	}
	a.send("other", nil)
	last := a.send("k", nil)
	if latest, err := request.LatestOf(t.Context(), a.pool, sentTopic, "thing of k"); err != nil || latest.ID != last.ID || latest.Number != 2 {
		t.Errorf("the latest of the subject is %+v, %v", latest, err)
	}
	if numbers := a.appended("k"); !slices.Equal(numbers, []int64{1, 2}) {
		t.Errorf("the outbox has the numbers %v", numbers)
	}
	for _, unknown := range []struct {
		topic, subject string
		id             uuid.UUID
	}{{sentTopic, "nothing", uuid.New()}, {"another topic", "thing of k", last.ID}} {
		_, err := request.Get(t.Context(), a.pool, unknown.topic, unknown.id)
		_, errLatest := request.LatestOf(t.Context(), a.pool, unknown.topic, unknown.subject)
		if !errors.Is(err, request.ErrUnknown) || !errors.Is(errLatest, request.ErrUnknown) {
			t.Errorf("of an unknown request in %s: %v, %v", unknown.topic, err, errLatest)
		}
	}
}

// A request that is not stored is not sent, and takes no number.
func TestRolledBackIsNotSent(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	broken := errors.New("broken")
	err := postgres.InTx(t.Context(), a.pool, func(tx pgx.Tx) error {
		_, err := a.sendIn(tx, "k", nil)
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if s := a.send("k", nil); s.Number != 1 || len(a.appended("k")) != 1 {
		t.Errorf("number %d, appended %v", s.Number, a.appended("k"))
	}
}

// A message that does not belong to its request would break the order of the key, or answer for another request.
func TestSendOfAnotherMessage(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	s := request.Sent{ID: uuid.New(), Topic: sentTopic, Key: "k", Number: 1, Body: json.RawMessage(`{}`)}
	for name, change := range map[string]func(*event.Message){
		"id":     func(m *event.Message) { m.ID = uuid.New() },
		"topic":  func(m *event.Message) { m.Topic = "other" },
		"key":    func(m *event.Message) { m.Key = "other" },
		"number": func(m *event.Message) { m.Version = 2 },
	} {
		m := messageOf(s)
		change(&m)
		err := postgres.InTx(t.Context(), a.pool, func(tx pgx.Tx) error { return request.Send(t.Context(), tx, s, nil, m) })
		if err == nil {
			t.Errorf("a message with another %s was sent", name)
		}
	}
}

// Schedule: many requests of one key are sent at the same time. Without the lock of the key, a transaction that took a
// number early could append late.
func TestNumbersAreInOrder(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				a.send("k", nil)
			}
		})
	}
	all.Wait()
	want := make([]int64, 80)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if numbers := a.appended("k"); !slices.Equal(numbers, want) {
		t.Errorf("the outbox has the numbers %v", numbers)
	}
}

func TestRecall(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	once := request.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	first := a.send("k", &once)
	if again := a.send("k", &once); again.ID != first.ID || len(a.appended("k")) != 1 {
		t.Errorf("again: %+v, appended %v", again, a.appended("k"))
	}
	a.inTx(func(tx pgx.Tx) error {
		_, err := request.Recall(t.Context(), tx, request.Once{ID: once.ID, Fingerprint: [32]byte{9}})
		if !errors.Is(err, request.ErrReused) {
			t.Errorf("with another fingerprint: %v", err)
		}
		return nil
	})
	a.finish(request.Decision{Request: first.ID, Kind: request.Refused, Result: json.RawMessage(`{"why": "no"}`)})
	if late := a.send("k", &once); late.Outcome != request.Refused || string(late.Result) != `{"why": "no"}` {
		t.Errorf("after the outcome: %+v", late)
	}
	if other := a.send("k", &request.Once{ID: [32]byte{3}}); other.ID == first.ID || other.Number != 2 {
		t.Errorf("with another id: %+v", other)
	}
}

// Schedule: the same request comes twice at the same time. The second one waits for the first, and finds it.
func TestRecallWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	once := request.Once{ID: [32]byte{1}}
	first, err := a.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Rollback(t.Context()) }() // does nothing after the commit
	sent, err := a.sendIn(first, "k", &once)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan request.Sent, 1)
	go func() { second <- a.send("another key", &once) }()
	a.untilOneWaits()
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := <-second; again.ID != sent.ID || len(a.appended("another key")) != 0 {
		t.Errorf("the second is %+v", again)
	}
}

// untilOneWaits returns when a session of this database waits for an advisory lock.
func (a *asker) untilOneWaits() {
	a.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for waiting := 0; waiting == 0; {
		if err := a.pool.QueryRow(a.t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting); err != nil {
			a.t.Fatal(err)
		}
		if time.Now().After(deadline) {
			a.t.Fatal("no session waits for the lock")
		}
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	one, two, three := a.send("k", nil), a.send("k", nil), a.send("l", nil)
	outcome := func(s request.Sent, kind request.Kind) request.Decision {
		return request.Decision{Request: s.ID, Kind: kind, Result: json.RawMessage(`{"kind": "` + string(kind) + `"}`)}
	}
	finished := a.finish(
		request.Decision{Request: two.ID, Kind: request.Unreadable},
		outcome(three, request.Accepted), outcome(one, request.Accepted), outcome(one, request.Refused),
		request.Decision{Request: uuid.New(), Kind: request.Accepted}, // of another service
	)
	if len(finished) != 2 || finished[0].Topic != sentTopic || finished[0].Kind != request.Accepted || finished[0].Waited < 0 {
		t.Errorf("finished %+v", finished)
	}
	for _, s := range []request.Sent{one, three} {
		got := a.get(s.ID)
		if got.Outcome != request.Accepted || string(got.Result) != `{"kind": "accepted"}` || got.FinishedAt == nil || got.UnreadableAt != nil {
			t.Errorf("after its outcome: %+v", got)
		}
	}
	if got := a.get(two.ID); got.Outcome != "" || got.FinishedAt != nil || got.UnreadableAt == nil {
		t.Errorf("an unreadable request is %+v", got)
	}
	a.finish(outcome(two, request.Refused))
	if again := a.finish(outcome(one, request.Refused), outcome(two, request.Accepted), request.Decision{Request: one.ID, Kind: request.Unreadable}); len(again) != 0 {
		t.Errorf("repeated outcomes finish %+v", again)
	}
	first, second := a.get(one.ID), a.get(two.ID)
	if first.Outcome != request.Accepted || first.UnreadableAt != nil || second.Outcome != request.Refused {
		t.Errorf("later outcomes changed the requests: %+v, %+v", first, second)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	pending, finished := a.send("k", nil), a.send("k", nil)
	a.finish(request.Decision{Request: finished.ID, Kind: request.Accepted})
	lookup := request.Lookup(a.pool)
	got, err := lookup(t.Context(), []uuid.UUID{pending.ID, finished.ID, uuid.New()})
	if err != nil || len(got) != 1 || got[finished.ID] != request.FinishedVersion {
		t.Errorf("got %v, %v", got, err)
	}
	a.pool.Close()
	if _, err := lookup(t.Context(), nil); err == nil {
		t.Error("no error without the database")
	}
}

func TestDeleteFinished(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	pending, young, old := a.send("k", nil), a.send("k", nil), a.send("k", nil)
	a.finish(request.Decision{Request: young.ID, Kind: request.Accepted}, request.Decision{Request: old.ID, Kind: request.Accepted})
	a.exec("UPDATE sent_request SET created_at = now() - interval '1 year'")
	a.exec("UPDATE sent_request SET finished_at = now() - interval '61 minutes' WHERE id = $1", old.ID)
	a.exec("UPDATE sent_request SET finished_at = now() - interval '59 minutes' WHERE id = $1", young.ID)
	a.exec(`INSERT INTO sent_request (id, topic, key, number, subject, body, created_at, expires_at, outcome, finished_at)
		SELECT gen_random_uuid(), 't', 'k', n, '', '{}', now(), now(), 'accepted', now() - interval '1 day' FROM generate_series(1, 20001) n`)
	if err := request.DeleteFinished(t.Context(), a.pool, time.Hour); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := a.pool.QueryRow(t.Context(), "SELECT count(*) FROM sent_request").Scan(&left); err != nil {
		t.Fatal(err)
	}
	a.get(pending.ID)
	a.get(young.ID)
	if left != 2 {
		t.Errorf("%d requests are left, want 2", left)
	}
	if next := a.send("k", nil); next.Number != 4 {
		t.Errorf("after the deletion, the next number is %d", next.Number)
	}
}

func TestSentMetrics(t *testing.T) {
	t.Parallel()
	a := setupAsker(t)
	m := request.NewSentMetrics(a.pool, "test", sentTopic, "another.v1")
	one := a.send("k", nil)
	a.send("k", nil)
	a.exec("UPDATE sent_request SET created_at = now() - interval '1 hour' WHERE id <> $1", one.ID)
	m.Count(a.finish(request.Decision{Request: one.ID, Kind: request.Refused}))
	values := map[string]float64{}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			name := f.GetName() + " " + metric.GetLabel()[len(metric.GetLabel())-1].GetValue()
			values[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"test_request_pending " + sentTopic: 1, "test_request_pending another.v1": 0,
		"test_request_oldest_pending_seconds another.v1": 0, "test_request_outcome_seconds " + sentTopic: 1,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if age := values["test_request_oldest_pending_seconds "+sentTopic]; age < 3600 || age > 4000 {
		t.Errorf("the oldest pending request is %v s old", age)
	}
	if n := testutil.CollectAndCount(m, "test_request_outcomes_total"); n != 1 {
		t.Errorf("%d series of outcomes", n)
	}
	a.pool.Close()
	if n := testutil.CollectAndCount(m); n != 2 {
		t.Errorf("without the database: %d series, want 2", n)
	}
}

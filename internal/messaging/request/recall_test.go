package request_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/request"
)

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

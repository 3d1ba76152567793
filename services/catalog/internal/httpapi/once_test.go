package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.post(markets, netherlands, "Idempotency-Key", "k1").must(http.StatusCreated)
	s.patch(markets+"/NL", `{"name":"Holland"}`).must(http.StatusOK)
	again := s.post(markets+"/", netherlands, "Idempotency-Key", "k1").must(http.StatusCreated)
	if again.text != first.text || again.header("ETag") != `"1"` || again.header("Location") != first.header("Location") {
		t.Errorf("again %s, first %s", again.text, first.text)
	}
	s.post(markets, `{"iso_code":"BE","name":"Belgium"}`, "Idempotency-Key", "k1").
		problem(http.StatusUnprocessableEntity, "idempotency-key-reused")
	// A refusal is not kept: the same request can succeed later.
	s.post(markets, netherlands, "Idempotency-Key", "k2").problem(http.StatusConflict, "market-exists")
	s.delete(markets + "/NL").must(http.StatusNoContent)
	if back := s.post(markets, netherlands, "Idempotency-Key", "k2").must(http.StatusCreated); back.header("ETag") != `"4"` {
		t.Errorf("came back as %s", back.text)
	}
}

// TestIdempotencyKeyOfEntries: the key belongs to the path, and outlives what it created.
func TestIdempotencyKeyOfEntries(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post(markets, netherlands, "Idempotency-Key", "k").must(http.StatusCreated)
	body := fmt.Sprintf(`{"product":"%s","market":"NL","availability_date":"2026-03-01"}`, s.product("Chair"))
	first := s.post(entries, body, "Idempotency-Key", "k").must(http.StatusCreated)
	s.delete(first.header("Location")).must(http.StatusNoContent)
	again := s.post(entries, body, "Idempotency-Key", "k").must(http.StatusCreated)
	if again.text != first.text || again.header("ETag") != `"1"` || again.header("Location") != first.header("Location") {
		t.Errorf("again %s, first %s", again.text, first.text)
	}
	if other := s.post(entries, body, "Idempotency-Key", "k2").must(http.StatusCreated); other.text == first.text {
		t.Error("another key gave the first answer")
	}
}

// TestInProgress holds the first request in the middle of its transaction and sends it again.
func TestInProgress(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	chair := s.product("Chair")
	blocker, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blocker.Rollback(t.Context()) }() // already rolled back when all goes well
	// Whoever creates an entry of the product waits for this.
	if _, err := blocker.Exec(t.Context(), `SELECT FROM product_copy FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"product":"%s","market":"NL"}`, chair)
	first := make(chan reply, 1)
	go func() { first <- s.post(entries, body, "Idempotency-Key", "k") }()
	deadline := time.Now().Add(30 * time.Second)
	for waiting := 0; waiting == 0; {
		if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the first request never took its lock")
		}
	}
	r := s.post(entries, body, "Idempotency-Key", "k")
	r.problem(http.StatusConflict, "in-progress")
	if r.header("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	created := <-first
	created.must(http.StatusCreated)
	if again := s.post(entries, body, "Idempotency-Key", "k").must(http.StatusCreated); again.text != created.text {
		t.Errorf("again %s, first %s", again.text, created.text)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := setupWithout(t)
	id := "/" + uuid.NewString()
	body := fmt.Sprintf(`{"product":"%s","market":"NL"}`, uuid.New())
	for _, r := range []reply{
		s.get(entries), s.get(entries + id), s.get(markets), s.get(markets + "/NL"), s.get(products), s.get(products + id),
		s.post(entries, body), s.put(entries+id, `{}`), s.patch(entries+id, `{}`), s.delete(entries + id),
		s.post(markets, netherlands), s.put(markets+"/NL", netherlands), s.patch(markets+"/NL", `{}`), s.delete(markets + "/NL"),
	} {
		r.problem(http.StatusServiceUnavailable, "unavailable")
		if r.header("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	s.post(markets, `{}`).problem(http.StatusUnprocessableEntity, "invalid")
}

// TestDatabaseHangs: a database that takes what it is sent and never answers, as behind a network that lost it.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.URL(setup(t).pool))
	s := serve(t, pgtest.Open(t, url))
	s.createMarket("NL", "Netherlands")
	requests := []func() reply{
		func() reply { return s.get(entries) },
		func() reply { return s.get(markets + "/NL") },
		func() reply { return s.get(products + "?limit=5") },
		func() reply { return s.post(markets, `{"iso_code":"BE","name":"Belgium"}`, "Idempotency-Key", "k") },
		func() reply { return s.patch(markets+"/NL", `{"name":"x"}`) },
		func() reply { return s.delete(markets + "/NL") },
	}
	proxy.Drop(netproxy.ToClient)
	answers := make(chan reply, len(requests))
	for _, request := range requests {
		go func() { answers <- request() }()
	}
	deadline := time.After(30 * time.Second)
	for range requests {
		select {
		case r := <-answers:
			if r.problem(http.StatusServiceUnavailable, "unavailable"); r.header("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		case <-deadline:
			t.Fatal("a request hangs")
		}
	}
	proxy.Cut() // what was lost stays lost
	proxy.Resume()
	back := time.Now().Add(30 * time.Second)
	for s.get(markets).status != http.StatusOK {
		if time.Now().After(back) {
			t.Fatal("the API did not come back")
		}
	}
}

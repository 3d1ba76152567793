package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.Post(markets, netherlands, "Idempotency-Key", "k1").Must(http.StatusCreated)
	s.Patch(markets+"/NL", `{"name":"Holland"}`).Must(http.StatusOK)
	again := s.Post(markets+"/", netherlands, "Idempotency-Key", "k1").Must(http.StatusCreated)
	if again.Text != first.Text || again.Header("ETag") != `"1"` || again.Header("Location") != first.Header("Location") {
		t.Errorf("again %s, first %s", again.Text, first.Text)
	}
	s.Post(markets, `{"iso_code":"BE","name":"Belgium"}`, "Idempotency-Key", "k1").
		Problem(http.StatusUnprocessableEntity, "idempotency-key-reused")
	// A refusal is not stored: the same request can succeed later.
	s.Post(markets, netherlands, "Idempotency-Key", "k2").Problem(http.StatusConflict, "market-exists")
	s.Delete(markets + "/NL").Must(http.StatusNoContent)
	if back := s.Post(markets, netherlands, "Idempotency-Key", "k2").Must(http.StatusCreated); back.Header("ETag") != `"4"` {
		t.Errorf("came back as %s", back.Text)
	}
}

// TestIdempotencyKeyOfEntries: a key belongs to its path, and stays valid after the entry is deleted.
func TestIdempotencyKeyOfEntries(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets, netherlands, "Idempotency-Key", "k").Must(http.StatusCreated)
	body := fmt.Sprintf(`{"product":"%s","market":"NL","availability_date":"2026-03-01"}`, s.product("Chair"))
	first := s.Post(entries, body, "Idempotency-Key", "k").Must(http.StatusCreated)
	s.Delete(first.Header("Location")).Must(http.StatusNoContent)
	again := s.Post(entries, body, "Idempotency-Key", "k").Must(http.StatusCreated)
	if again.Text != first.Text || again.Header("ETag") != `"1"` || again.Header("Location") != first.Header("Location") {
		t.Errorf("again %s, first %s", again.Text, first.Text)
	}
	if other := s.Post(entries, body, "Idempotency-Key", "k2").Must(http.StatusCreated); other.Text == first.Text {
		t.Error("another key gave the first answer")
	}
}

// TestInProgress stops the first request in the middle of its transaction, and sends the request again.
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
	// A request that creates an entry of the product waits for this lock.
	if _, err := blocker.Exec(t.Context(), `SELECT FROM product_copy FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"product":"%s","market":"NL"}`, chair)
	first := make(chan apitest.Reply, 1)
	go func() { first <- s.Post(entries, body, "Idempotency-Key", "k") }()
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
	r := s.Post(entries, body, "Idempotency-Key", "k")
	r.Problem(http.StatusConflict, "in-progress")
	if r.Header("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	created := <-first
	created.Must(http.StatusCreated)
	if again := s.Post(entries, body, "Idempotency-Key", "k").Must(http.StatusCreated); again.Text != created.Text {
		t.Errorf("again %s, first %s", again.Text, created.Text)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := setupWithout(t)
	id := "/" + uuid.NewString()
	body := fmt.Sprintf(`{"product":"%s","market":"NL"}`, uuid.New())
	for _, r := range []apitest.Reply{
		s.Get(entries), s.Get(entries + id), s.Get(markets), s.Get(markets + "/NL"), s.Get(products), s.Get(products + id),
		s.Post(entries, body), s.Put(entries+id, `{}`), s.Patch(entries+id, `{}`), s.Delete(entries + id),
		s.Post(markets, netherlands), s.Put(markets+"/NL", netherlands), s.Patch(markets+"/NL", `{}`), s.Delete(markets + "/NL"),
	} {
		r.Problem(http.StatusServiceUnavailable, "unavailable")
		if r.Header("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	s.Post(markets, `{}`).Problem(http.StatusUnprocessableEntity, "invalid")
}

// TestDatabaseHangs has a database that receives statements and never answers, as behind a broken network.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.URL(setup(t).pool))
	s := serve(t, pgtest.Open(t, url))
	s.createMarket("NL", "Netherlands")
	requests := []func() apitest.Reply{
		func() apitest.Reply { return s.Get(entries) },
		func() apitest.Reply { return s.Get(markets + "/NL") },
		func() apitest.Reply { return s.Get(products + "?limit=5") },
		func() apitest.Reply {
			return s.Post(markets, `{"iso_code":"BE","name":"Belgium"}`, "Idempotency-Key", "k")
		},
		func() apitest.Reply { return s.Patch(markets+"/NL", `{"name":"x"}`) },
		func() apitest.Reply { return s.Delete(markets + "/NL") },
	}
	proxy.Drop(netproxy.ToClient)
	answers := make(chan apitest.Reply, len(requests))
	for _, request := range requests {
		go func() { answers <- request() }()
	}
	deadline := time.After(30 * time.Second)
	for range requests {
		select {
		case r := <-answers:
			if r.Problem(http.StatusServiceUnavailable, "unavailable"); r.Header("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		case <-deadline:
			t.Fatal("a request hangs")
		}
	}
	proxy.Cut() // the lost answers do not come later
	proxy.Resume()
	back := time.Now().Add(30 * time.Second)
	for s.Get(markets).Status != http.StatusOK {
		if time.Now().After(back) {
			t.Fatal("the API did not come back")
		}
	}
}

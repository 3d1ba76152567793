package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.post("/api/v1/product", chair, "Idempotency-Key", "k1").must(http.StatusCreated)
	again := s.post("/api/v1/product/", chair, "Idempotency-Key", "k1").must(http.StatusCreated)
	if again.text != first.text || again.header("ETag") != `"1"` || again.header("Location") != first.header("Location") {
		t.Errorf("again %s, first %s", again.text, first.text)
	}
	s.patch("/api/v1/product/1", `{"name":"Stool"}`).must(http.StatusOK)
	s.delete("/api/v1/product/1").must(http.StatusNoContent)
	if late := s.post("/api/v1/product", chair, "Idempotency-Key", "k1").must(http.StatusCreated); late.text != first.text {
		t.Errorf("after the product is gone: %s, first %s", late.text, first.text)
	}
	s.post("/api/v1/product", `{"name":"Other","product_category":"x"}`, "Idempotency-Key", "k1").
		problem(http.StatusUnprocessableEntity, "idempotency-key-reused")
	if other := s.post("/api/v1/product", chair, "Idempotency-Key", "k2").must(http.StatusCreated); other.object()["id"] == 1.0 {
		t.Error("another key gave the first answer")
	}
	// A refusal is not kept: the same request can succeed later.
	s.post("/api/v1/product", chair, "Idempotency-Key", "k3").problem(http.StatusConflict, "product-exists")
	s.delete("/api/v1/product/2").must(http.StatusNoContent)
	s.post("/api/v1/product", chair, "Idempotency-Key", "k3").must(http.StatusCreated)
}

// TestInProgress holds the first request in the middle of its transaction and sends it again.
func TestInProgress(t *testing.T) {
	t.Parallel()
	s := setup(t)
	blocker, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = blocker.Rollback(t.Context()) }() // already rolled back when all goes well
	// The same name, not yet committed: the unique index makes the request wait.
	if _, err := blocker.Exec(t.Context(), `INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
		VALUES (gen_random_uuid(), 'Rocking chair', 'Furniture', 1, now(), now())`); err != nil {
		t.Fatal(err)
	}
	first := make(chan reply, 1)
	go func() { first <- s.post("/api/v1/product", chair, "Idempotency-Key", "k") }()
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
	r := s.post("/api/v1/product", chair, "Idempotency-Key", "k")
	r.problem(http.StatusConflict, "in-progress")
	if r.header("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.post("/api/v1/product", `{"name":"Stool","product_category":"x"}`, "Idempotency-Key", "k2").must(http.StatusCreated)
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	created := <-first
	created.must(http.StatusCreated)
	if again := s.post("/api/v1/product", chair, "Idempotency-Key", "k").must(http.StatusCreated); again.text != created.text {
		t.Errorf("again %s, first %s", again.text, created.text)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := setupWithout(t)
	for _, r := range []reply{
		s.get("/api/v1/product"), s.get("/api/v1/product/1"), s.get("/api/v1/catalog"), s.get("/api/v1/catalog/1"), s.get("/api/v1/market?limit=5"),
		s.post("/api/v1/product", chair), s.put("/api/v1/product/1", chair), s.delete("/api/v1/product/1"),
	} {
		r.problem(http.StatusServiceUnavailable, "unavailable")
		if r.header("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	s.post("/api/v1/product", `{}`).problem(http.StatusUnprocessableEntity, "invalid")
	s.post("/api/v1/catalog", `{}`).problem(http.StatusConflict, "not-the-owner")
}

// TestDatabaseHangs: a database that takes what it is sent and never answers, as behind a network that lost it.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.URL(setup(t).pool))
	s := serve(t, pgtest.Open(t, url))
	s.post("/api/v1/product", chair).must(http.StatusCreated)
	requests := []func() reply{
		func() reply { return s.get("/api/v1/product") },
		func() reply { return s.get("/api/v1/product?limit=5") },
		func() reply { return s.get("/api/v1/product/1") },
		func() reply { return s.get("/api/v1/catalog") },
		func() reply {
			return s.post("/api/v1/product", `{"name":"Stool","product_category":"x"}`, "Idempotency-Key", "k")
		},
		func() reply { return s.delete("/api/v1/product/1") },
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
	for s.get("/api/v1/product").status != http.StatusOK {
		if time.Now().After(back) {
			t.Fatal("the API did not come back")
		}
	}
}

package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.Post("/api/v1/product", chair, "Idempotency-Key", "k1").Must(http.StatusCreated)
	again := s.Post("/api/v1/product/", chair, "Idempotency-Key", "k1").Must(http.StatusCreated)
	if again.Text != first.Text || again.Header("ETag") != `"1"` || again.Header("Location") != first.Header("Location") {
		t.Errorf("again %s, first %s", again.Text, first.Text)
	}
	s.Patch("/api/v1/product/1", `{"name":"Stool"}`).Must(http.StatusOK)
	s.Delete("/api/v1/product/1").Must(http.StatusNoContent)
	if late := s.Post("/api/v1/product", chair, "Idempotency-Key", "k1").Must(http.StatusCreated); late.Text != first.Text {
		t.Errorf("after the product is gone: %s, first %s", late.Text, first.Text)
	}
	s.Post("/api/v1/product", `{"name":"Other","product_category":"x"}`, "Idempotency-Key", "k1").
		Problem(http.StatusUnprocessableEntity, "idempotency-key-reused")
	if other := s.Post("/api/v1/product", chair, "Idempotency-Key", "k2").Must(http.StatusCreated); other.Object()["id"] == 1.0 {
		t.Error("another key gave the first answer")
	}
	// A refusal is not stored: the same request can succeed later.
	s.Post("/api/v1/product", chair, "Idempotency-Key", "k3").Problem(http.StatusConflict, "product-exists")
	s.Delete("/api/v1/product/2").Must(http.StatusNoContent)
	s.Post("/api/v1/product", chair, "Idempotency-Key", "k3").Must(http.StatusCreated)
}

// TestInProgress stops the first request in the middle of its transaction, and sends the request again.
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
	first := make(chan apitest.Reply, 1)
	go func() { first <- s.Post("/api/v1/product", chair, "Idempotency-Key", "k") }()
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
	r := s.Post("/api/v1/product", chair, "Idempotency-Key", "k")
	r.Problem(http.StatusConflict, "in-progress")
	if r.Header("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.Post("/api/v1/product", `{"name":"Stool","product_category":"x"}`, "Idempotency-Key", "k2").Must(http.StatusCreated)
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	created := <-first
	created.Must(http.StatusCreated)
	if again := s.Post("/api/v1/product", chair, "Idempotency-Key", "k").Must(http.StatusCreated); again.Text != created.Text {
		t.Errorf("again %s, first %s", again.Text, created.Text)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := setupWithout(t)
	for _, r := range []apitest.Reply{
		s.Get("/api/v1/product"), s.Get("/api/v1/product/1"), s.Get("/api/v1/catalog"), s.Get("/api/v1/catalog/1"), s.Get("/api/v1/market?limit=5"),
		s.Post("/api/v1/product", chair), s.Put("/api/v1/product/1", chair), s.Delete("/api/v1/product/1"),
		s.Post("/api/v1/catalog", `{"product":1,"market":1}`), s.Put("/api/v1/catalog/1", `{}`), s.Patch("/api/v1/catalog/1", `{}`),
		s.Delete("/api/v1/catalog/1"), s.Get("/api/v1/catalog-change/0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"),
	} {
		r.Problem(http.StatusServiceUnavailable, "unavailable")
		if r.Header("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	s.Post("/api/v1/product", `{}`).Problem(http.StatusUnprocessableEntity, "invalid")
	s.Post("/api/v1/catalog", `{}`).Problem(http.StatusUnprocessableEntity, "invalid")
}

// TestDatabaseHangs has a database that receives statements and never answers, as behind a broken network.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.URL(setup(t).pool))
	s := serve(t, pgtest.Open(t, url))
	s.Post("/api/v1/product", chair).Must(http.StatusCreated)
	requests := []func() apitest.Reply{
		func() apitest.Reply { return s.Get("/api/v1/product") },
		func() apitest.Reply { return s.Get("/api/v1/product?limit=5") },
		func() apitest.Reply { return s.Get("/api/v1/product/1") },
		func() apitest.Reply { return s.Get("/api/v1/catalog") },
		func() apitest.Reply {
			return s.Post("/api/v1/product", `{"name":"Stool","product_category":"x"}`, "Idempotency-Key", "k")
		},
		func() apitest.Reply { return s.Delete("/api/v1/product/1") },
		func() apitest.Reply {
			return s.Post("/api/v1/catalog", `{"product":1,"market":1}`, "Idempotency-Key", "k")
		},
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
	for s.Get("/api/v1/product").Status != http.StatusOK {
		if time.Now().After(back) {
			t.Fatal("the API did not come back")
		}
	}
}

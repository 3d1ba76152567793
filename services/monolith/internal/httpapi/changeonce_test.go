package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/apitest"
)

// A repetition joins the wait of the first request, and gets its outcome.
func TestIdempotencyKeyOfChanges(t *testing.T) {
	t.Parallel()
	s := setupOffer(t)
	post := func() apitest.Reply { return s.Post("/api/v1/catalog", offer, "Idempotency-Key", "k") }
	first := begin(post)
	a := s.asked(1)
	second := begin(post)
	s.accept(a, 1)
	s.arrive(a, state{version: 1, start: &day})
	one, two, three := (<-first).Must(http.StatusCreated), (<-second).Must(http.StatusCreated), post().Must(http.StatusCreated)
	for _, r := range []apitest.Reply{two, three} {
		if r.Text != one.Text || r.Header("Location") != one.Header("Location") || r.Header("Aggregate-Id") != one.Header("Aggregate-Id") {
			t.Errorf("again %s, first %s", r.Text, one.Text)
		}
	}
	s.Post("/api/v1/catalog", `{"product":1,"market":1}`, "Idempotency-Key", "k").Problem(http.StatusUnprocessableEntity, "idempotency-key-reused")
	if n := s.requests(); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
	for n, send := range []func() apitest.Reply{
		func() apitest.Reply { return s.Patch("/api/v1/catalog/1", `{}`, "Idempotency-Key", "k") },
		func() apitest.Reply { return s.Put("/api/v1/catalog/1", `{}`, "Idempotency-Key", "k") },
		func() apitest.Reply { return s.Delete("/api/v1/catalog/1", "Idempotency-Key", "k") },
	} {
		answer := begin(send)
		s.decide(s.asked(n+2), `"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/stale","title":"x","status":412}`)
		(<-answer).Problem(http.StatusPreconditionFailed, "stale")
		send().Problem(http.StatusPreconditionFailed, "stale")
	}
	if n := s.requests(); n != 4 {
		t.Errorf("%d requests were sent", n)
	}
}

// The process dies after the commit of the request, before the answer. A repetition at another instance gets the outcome, also
// if the entry was deleted in the meantime.
func TestIdempotencyKeyAfterACrash(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, atOnce)
	s.Post("/api/v1/catalog", offer, "Idempotency-Key", "k").Must(http.StatusAccepted)
	other := serveBy(t, s.pool, func(*options) {})
	answer := begin(func() apitest.Reply { return other.Post("/api/v1/catalog", offer, "Idempotency-Key", "k") })
	a := s.asked(1)
	s.accept(a, 1)
	s.arrive(a, state{version: 1, start: &day})
	other.waiters.Kick()
	first := (<-answer).Must(http.StatusCreated)
	s.arrive(a, state{version: 2, deleted: true})
	again := other.Post("/api/v1/catalog", offer, "Idempotency-Key", "k").Must(http.StatusCreated)
	if p := again.Object(); p["id"] != 1.0 || p["availability_date"] != "2026-11-23" || again.Header("Aggregate-Version") != "1" || again.Header("ETag") != `"1"` {
		t.Errorf("again %s, first %s", again.Text, first.Text)
	}
	if n := s.requests(); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}

package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// Without an outcome in time, the answer is 202 with the state that was asked for. The request goes on.
func TestNoOutcomeInTime(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, func(o *options) { o.api.ChangeWait = time.Millisecond })
	r := s.Post("/api/v1/catalog", offer).Must(http.StatusAccepted)
	a := s.asked(1)
	path := "/api/v1/catalog-change/" + a.ID
	if r.Header("Location") != path || r.Header("Retry-After") != "2" || r.Header("Preference-Applied") != "" || r.Header("ETag") != "" {
		t.Errorf("answered %v", r.Headers)
	}
	wanted := r.Object()
	if wanted["id"] != 1.0 || wanted["product"] != 1.0 || wanted["market"] != 1.0 || wanted["availability_date"] != "2026-11-23" || wanted["availability_end_date"] != nil {
		t.Errorf("wanted %s", r.Text)
	}
	entry := s.Get("/api/v1/catalog/1")
	if entry.Problem(http.StatusNotFound, "change-pending"); entry.Header("Link") != `<`+path+`>; rel="status"` || !strings.Contains(entry.Text, a.ID) {
		t.Errorf("a reader gets %s, Link %s", entry.Text, entry.Header("Link"))
	}
	is := func(state string, unreadable bool) {
		t.Helper()
		change := s.Get(path).Must(http.StatusOK)
		c := change.Object()
		if c["state"] != state || c["unreadable"] != unreadable || c["overdue"] != false || c["operation"] != "create" || c["catalog"] != 1.0 ||
			(change.Header("Retry-After") == "2") != (state == "pending") {
			t.Errorf("the request is %s, want %s", change.Text, state)
		}
		for member, want := range c["wanted"].(map[string]any) {
			if wanted[member] != want {
				t.Errorf("%s is wanted as %v", member, want)
			}
		}
	}
	is("pending", false)
	s.decide(a, `"outcome":"unreadable"`)
	is("pending", true)
	s.accept(a, 1)
	is("pending", false)
	s.Get("/api/v1/catalog/1").Problem(http.StatusNotFound, "change-pending")
	s.arrive(a, state{version: 1, start: &day})
	is("done", false)
	s.Get("/api/v1/catalog/1").Must(http.StatusOK)
	if c := s.Get(path).Object(); c["version"] != 1.0 || c["finished_at"] == nil || c["problem"] != nil {
		t.Errorf("the request is %v", c)
	}
}

// The state of a deletion that is wanted is nothing: its 202 has no body.
func TestDeletionWithoutOutcome(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, atOnce)
	s.entry()
	r := s.Delete("/api/v1/catalog/1").Must(http.StatusAccepted)
	if r.Text != "" || r.Header("Location") != "/api/v1/catalog-change/"+s.asked(1).ID || r.Header("Retry-After") != "2" {
		t.Errorf("answered %q, %v", r.Text, r.Headers)
	}
	s.Get("/api/v1/catalog/1").Must(http.StatusOK)
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, func(o *options) { o.api.ChangeWait, o.api.MaxWait = time.Millisecond, 0 })
	for header, applied := range map[string]string{
		"": "", "return=minimal": "", "respond-async": "respond-async", "wait=0": "wait=0", "wait=60": "wait=0",
		"respond-async, wait=5": "respond-async, wait=0",
	} {
		r := s.Post("/api/v1/catalog", offer, "Prefer", header).Must(http.StatusAccepted)
		if got := r.Header("Preference-Applied"); got != applied {
			t.Errorf("Prefer: %s has Preference-Applied: %s, want %s", header, got, applied)
		}
	}
	if n := s.requests(); n != 6 {
		t.Errorf("%d requests were sent", n)
	}
}

// If too many requests wait already, a change does not wait for its outcome, and says no other.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, atOnce, func(o *options) { o.admission.Waits = 1 })
	first := begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer, "Prefer", "wait=60") })
	kafkatest.Eventually(t, "the first one waits", func() bool { return s.waiters.Waiting() > 0 })
	for prefer, applied := range map[string]string{
		"wait=60": "", "respond-async, wait=60": "respond-async", "respond-async": "respond-async", "wait=0": "wait=0",
	} {
		r := s.Post("/api/v1/catalog", offer, "Prefer", prefer).Must(http.StatusAccepted)
		if got := r.Header("Preference-Applied"); got != applied {
			t.Errorf("Prefer: %s has Preference-Applied: %q, want %q", prefer, got, applied)
		}
	}
	s.decide(s.asked(1), entryExists)
	(<-first).Problem(http.StatusConflict, "entry-exists")
}

// A client can ask to wait longer than the others, also if it prefers not to wait forever.
func TestPreferToWait(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, atOnce)
	for n, prefer := range []string{"wait=60", "respond-async, wait=60"} {
		answer := begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer, "Prefer", prefer) })
		s.decide(s.asked(n+1), entryExists)
		(<-answer).Problem(http.StatusConflict, "entry-exists")
	}
}

// A stop ends all waits at once. The requests were sent.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	s := setupOffer(t)
	answer := begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer) })
	s.asked(1)
	s.waiters.Stop()
	(<-answer).Must(http.StatusAccepted)
}

// Requests that wait hold no connection of the pool, which has fewer than there are requests.
func TestWaitingTakesNoConnection(t *testing.T) {
	t.Parallel()
	first := setupOffer(t)
	small, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(first.pool), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(small.Close)
	s := serveBy(t, small, func(*options) {})
	var answers []<-chan apitest.Reply
	for range 8 {
		answers = append(answers, begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer) }))
	}
	for n := range answers {
		s.asked(n + 1)
	}
	s.Get("/api/v1/market").Must(http.StatusOK)
	for n := range answers {
		s.decide(s.asked(n+1), entryExists)
	}
	for _, answer := range answers {
		(<-answer).Problem(http.StatusConflict, "entry-exists")
	}
}

// Changes of an entry whose creation is pending are sent in order, behind it.
func TestChangesBehindAPendingCreation(t *testing.T) {
	t.Parallel()
	s := setupOffer(t, atOnce)
	s.Post("/api/v1/catalog", offer).Must(http.StatusAccepted)
	r := s.Patch("/api/v1/catalog/1", `{"availability_end_date":"2026-12-23"}`).Must(http.StatusAccepted)
	if w := r.Object(); w["availability_date"] != "2026-11-23" || w["availability_end_date"] != "2026-12-23" {
		t.Errorf("wanted %s", r.Text)
	}
	s.Delete("/api/v1/catalog/1").Must(http.StatusAccepted)
	create := s.asked(1)
	for n, operation := range []string{"create", "patch", "delete"} {
		if a := s.asked(n + 1); a.Operation != operation || a.Number != int64(n+1) || a.Entry != create.Entry || a.Product != create.Product {
			t.Errorf("request %d is %+v", n+1, a)
		}
	}
	s.decide(create, entryExists)
	for _, r := range []apitest.Reply{s.Patch("/api/v1/catalog/1", `{}`), s.Delete("/api/v1/catalog/1"), s.Put("/api/v1/catalog/1", `{}`)} {
		r.Problem(http.StatusNotFound, "change-refused")
	}
	if n := s.requests(); n != 3 {
		t.Errorf("%d requests were sent", n)
	}
}

// A request whose answer is lost with the connection was sent. The end of its client ends the wait.
func TestTheClientGoesAway(t *testing.T) {
	t.Parallel()
	s := setupOffer(t)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/catalog", strings.NewReader(offer))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	gone := make(chan error, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		gone <- err
	}()
	a := s.asked(1)
	leave()
	if err := <-gone; err == nil {
		t.Error("the client got an answer")
	}
	s.accept(a, 1)
	s.arrive(a, state{version: 1, start: &day})
	s.Get("/api/v1/catalog/1").Must(http.StatusOK)
}

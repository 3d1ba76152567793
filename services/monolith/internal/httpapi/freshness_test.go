package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// applyEntry applies a change of an entry in the market NL to the copies.
func (s *server) applyEntry(id, product uuid.UUID, version int64, deleted bool) {
	s.T.Helper()
	s.apply(func(tx catalogcopy.Tx) error {
		return catalogcopy.ApplyEntries(s.T.Context(), tx, []catalogcopy.EntryChange{{
			ID: id, Change: copyrow.Change{Version: version, Time: noon, Deleted: deleted},
			EntryData: catalogcopy.EntryData{Product: product, Market: "NL", Start: &day, UpdatedAt: noon},
		}})
	})
}

// applyMarket adds the market NL to the copies.
func (s *server) applyMarket() {
	s.T.Helper()
	s.apply(func(tx catalogcopy.Tx) error {
		return catalogcopy.ApplyMarkets(s.T.Context(), tx, []catalogcopy.MarketChange{{
			ISOCode: "NL", Change: copyrow.Change{Version: 1, Time: noon},
			MarketData: catalogcopy.MarketData{Name: "Netherlands", UpdatedAt: noon},
		}})
	})
}

// chair creates a product and returns its id in all services.
func (s *server) chair() uuid.UUID {
	s.T.Helper()
	r := s.Post("/api/v1/product", rockingChair).Must(http.StatusCreated)
	return uuid.MustParse(r.Object()["product_uuid"].(string))
}

func TestMinVersion(t *testing.T) {
	t.Parallel()
	s := setup(t)
	chair := s.chair()
	s.applyMarket()
	s.applyEntry(uuid.UUID{1}, chair, 3, false)
	s.applyEntry(uuid.UUID{2}, chair, 5, true)
	s.applyEntry(uuid.UUID{3}, uuid.UUID{9}, 1, false) // its product is not known
	tests := map[string]struct {
		path    string
		headers []string
		status  int
		problem string
		applied string
	}{
		"Reached":         {path: "/1?min_version=3", status: 200},
		"ReachedWithWait": {path: "/1?min_version=2", headers: []string{"Prefer", "wait=99"}, status: 200, applied: "wait=60"},
		"Unchanged":       {path: "/1?min_version=3", headers: []string{"Prefer", "wait=5", "If-None-Match", `"3"`}, status: 304, applied: "wait=5"},
		"NotYet":          {path: "/1?min_version=4", status: 503, problem: "not-yet"},
		"WaitIsOver":      {path: "/1?min_version=4", headers: []string{"Prefer", "wait=1"}, status: 503, problem: "not-yet"},
		"Deleted":         {path: "/2?min_version=5", status: 404, problem: "not-found"},
		"DeletedBefore":   {path: "/2?min_version=6", status: 503, problem: "not-yet"},
		"NotShownYet":     {path: "/3?min_version=1", status: 503, problem: "not-yet"},
		"NeverGiven":      {path: "/99?min_version=1", headers: []string{"Prefer", "wait=15"}, status: 404, problem: "not-found"},
		"VersionZero":     {path: "/1?min_version=0", status: 422, problem: "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.in(t).Get("/api/v1/catalog"+tt.path, tt.headers...)
			if tt.problem != "" {
				r.Problem(tt.status, tt.problem)
			}
			r.Must(tt.status)
			if got := r.Header("Preference-Applied"); got != tt.applied {
				t.Errorf("applied %q, want %q", got, tt.applied)
			}
		})
	}
}

// The answer comes when the version arrives, and when an entry becomes visible because its market has arrived.
func TestAReadWaitsForItsVersion(t *testing.T) {
	t.Parallel()
	t.Run("Version", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		chair := s.chair()
		s.applyMarket()
		s.applyEntry(uuid.UUID{1}, chair, 1, false)
		r := s.getWaiting("/api/v1/catalog/1?min_version=2", func() {
			s.applyEntry(uuid.UUID{1}, chair, 2, false)
			s.waiters.Kick()
		}, "Prefer", "wait=15").Must(http.StatusOK)
		if r.Header("ETag") != `"2"` || r.Header("Preference-Applied") != "wait=15" {
			t.Errorf("answered %v", r.Headers)
		}
	})
	t.Run("Market", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.applyEntry(uuid.UUID{1}, s.chair(), 1, false)
		s.getWaiting("/api/v1/catalog/1?min_version=1", func() {
			s.applyMarket()
			s.waiters.Kick()
		}, "Prefer", "wait=15").Must(http.StatusOK)
	})
	t.Run("Stop", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.applyEntry(uuid.UUID{1}, s.chair(), 1, false)
		s.getWaiting("/api/v1/catalog/1?min_version=1", s.waiters.Stop, "Prefer", "wait=15").Problem(http.StatusServiceUnavailable, "not-yet")
	})
}

// Every answer to a write says which version of what it has made, so that a client can wait for it elsewhere.
func TestWritesNameTheirVersion(t *testing.T) {
	t.Parallel()
	s := setup(t)
	created := s.Post("/api/v1/product", rockingChair).Must(http.StatusCreated)
	id := created.Object()["product_uuid"].(string)
	is := func(r interface{ Header(string) string }, version string) {
		t.Helper()
		if gotID, gotVersion := r.Header("Aggregate-Id"), r.Header("Aggregate-Version"); gotID != id || gotVersion != version {
			t.Errorf("the answer names %q at %q, want %s at %s", gotID, gotVersion, id, version)
		}
	}
	is(created, "1")
	is(s.Put("/api/v1/product/1", armchair).Must(http.StatusOK), "2")
	is(s.Patch("/api/v1/product/1", `{"discontinued": true}`).Must(http.StatusOK), "3")
	is(s.Patch("/api/v1/product/1", `{"discontinued": true}`).Must(http.StatusOK), "3") // changes nothing
	is(s.Delete("/api/v1/product/1").Must(http.StatusNoContent), "4")
}

// A client may wait for an entry whose creation is pending. If the owner refuses it, the client learns why.
func TestAReadWaitsForACreation(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]string{"Accepted": "", "Refused": entryExists} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupOffer(t, atOnce)
			s.Post("/api/v1/catalog", offer).Must(http.StatusAccepted)
			a := s.asked(1)
			s.Get("/api/v1/catalog/1?min_version=1").Problem(http.StatusServiceUnavailable, "not-yet")
			if outcome != "" {
				s.decide(a, outcome)
				s.Get("/api/v1/catalog/1?min_version=1").Problem(http.StatusNotFound, "change-refused")
				return
			}
			s.getWaiting("/api/v1/catalog/1?min_version=1", func() { s.arrive(a, state{version: 1, start: &day}) }, "Prefer", "wait=15").Must(http.StatusOK)
		})
	}
}

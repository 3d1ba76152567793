package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

func TestMinVersion(t *testing.T) {
	t.Parallel()
	s := setup(t)
	known, gone, unknown := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	s.apply(state(known, 3, "Rocking chair", false),
		productcopy.ProductChange{ID: gone, Change: copyrow.Change{Version: 5, Time: noon, Deleted: true}})
	tests := map[string]struct {
		id      uuid.UUID
		query   string
		headers []string
		status  int
		problem string
		applied string
	}{
		"Reached":            {id: known, query: "?min_version=3", status: 200},
		"Newer":              {id: known, query: "?min_version=1", status: 200},
		"ReachedWithWait":    {id: known, query: "?min_version=3", headers: []string{"Prefer", "wait=5"}, status: 200, applied: "wait=5"},
		"WaitIsCapped":       {id: known, query: "?min_version=3", headers: []string{"Prefer", "respond-async", "Prefer", "wait=99"}, status: 200, applied: "wait=20"},
		"Unchanged":          {id: known, query: "?min_version=3", headers: []string{"Prefer", "wait=5", "If-None-Match", `"3"`}, status: 304, applied: "wait=5"},
		"WaitForNothing":     {id: known, headers: []string{"Prefer", "wait=5"}, status: 200},
		"NotYet":             {id: known, query: "?min_version=4", status: 503, problem: "not-yet"},
		"NoTimeToWait":       {id: known, query: "?min_version=4", headers: []string{"Prefer", "wait=0"}, status: 503, problem: "not-yet"},
		"Unknown":            {id: unknown, query: "?min_version=1", status: 503, problem: "not-yet"},
		"Deleted":            {id: gone, query: "?min_version=5", status: 404, problem: "not-found"},
		"DeletedBefore":      {id: gone, query: "?min_version=6", status: 503, problem: "not-yet"},
		"UnknownWithoutWish": {id: unknown, status: 404, problem: "not-found"},
		"VersionZero":        {id: known, query: "?min_version=0", status: 422, problem: "invalid"},
		"NoVersion":          {id: known, query: "?min_version=new", status: 422, problem: "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.in(t).Get(products+"/"+tt.id.String()+tt.query, tt.headers...)
			if tt.problem != "" {
				r.Problem(tt.status, tt.problem)
			}
			r.Must(tt.status)
			if got := r.Header("Preference-Applied"); got != tt.applied {
				t.Errorf("applied %q, want %q", got, tt.applied)
			}
			if (r.Header("Retry-After") != "") != (tt.status == 503) {
				t.Errorf("Retry-After %q with %d", r.Header("Retry-After"), tt.status)
			}
		})
	}
}

// The answer comes when the version arrives, also for a product that was not known before.
func TestAReadWaitsForItsVersion(t *testing.T) {
	t.Parallel()
	id := uuid.UUID{7}
	for name, before := range map[string][]productcopy.ProductChange{"Unknown": nil, "Older": {state(id, 1, "Old chair", false)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.apply(before...)
			r := s.getWaiting(products+"/"+id.String()+"?min_version=2", func() {
				s.apply(state(id, 2, "New chair", false))
				s.waiters.Kick()
			}, "Prefer", "wait=15").Must(http.StatusOK)
			if r.Object()["name"] != "New chair" || r.Header("ETag") != `"2"` || r.Header("Preference-Applied") != "wait=15" {
				t.Errorf("answered %v %s", r.Headers, r.Text)
			}
		})
	}
}

// A stop of the service, and the end of the time to wait, end a read that waits.
func TestAReadDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	t.Run("Stop", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.getWaiting(products+"/"+uuid.NewString()+"?min_version=1", s.waiters.Stop, "Prefer", "wait=15").Problem(http.StatusServiceUnavailable, "not-yet")
	})
	t.Run("End", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.Get(products+"/"+uuid.NewString()+"?min_version=1", "Prefer", "wait=1").Problem(http.StatusServiceUnavailable, "not-yet")
	})
}

// Every answer to a write says which version of what it has made, so that a client can wait for it elsewhere.
func TestWritesNameTheirVersion(t *testing.T) {
	t.Parallel()
	s := setup(t)
	is := func(r interface{ Header(string) string }, id, version string) {
		t.Helper()
		if gotID, gotVersion := r.Header("Aggregate-Id"), r.Header("Aggregate-Version"); gotID != id || gotVersion != version {
			t.Errorf("the answer names %q at %q, want %s at %s", gotID, gotVersion, id, version)
		}
	}
	is(s.Post(markets, netherlands).Must(http.StatusCreated), "NL", "1")
	is(s.Put(markets+"/NL", `{"name": "Holland"}`).Must(http.StatusOK), "NL", "2")
	is(s.Patch(markets+"/NL", `{"name": "Lowlands"}`).Must(http.StatusOK), "NL", "3")
	is(s.Patch(markets+"/NL", `{"name": "Lowlands"}`).Must(http.StatusOK), "NL", "3") // changes nothing

	body := `{"product": "` + s.product("Stool").String() + `", "market": "NL"}`
	created := s.Post(entries, body, "Idempotency-Key", "k").Must(http.StatusCreated)
	id := created.Object()["id"].(string)
	is(created, id, "1")
	is(s.Put(entries+"/"+id, `{"availability_date": "2026-03-01"}`).Must(http.StatusOK), id, "2")
	is(s.Patch(entries+"/"+id, `{"availability_date": null}`).Must(http.StatusOK), id, "3")
	is(s.Post(entries, body, "Idempotency-Key", "k").Must(http.StatusCreated), id, "1") // the first answer again
	is(s.Delete(entries+"/"+id).Must(http.StatusNoContent), id, "4")
	is(s.Delete(markets+"/NL").Must(http.StatusNoContent), "NL", "4")
}

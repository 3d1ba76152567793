package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/testkit/apitest"
)

const offer = `{"product":1,"market":1,"availability_date":"2026-11-23"}`

// setupOffer has the chair as product 1 and NL as market 1.
func setupOffer(t *testing.T, choose ...func(*options)) *server {
	t.Helper()
	s := serveBy(t, database(t), func(o *options) {
		for _, c := range choose {
			c(o)
		}
	})
	s.Post("/api/v1/product", chair).Must(http.StatusCreated)
	s.market(noon)
	return s
}

// atOnce lets changes of the catalog not wait for their outcome.
func atOnce(o *options) { o.api.ChangeWait = 0 }

// entry adds an entry of the chair in NL at its version 3, which gets the id 1.
func (s *server) entry() (a asked) {
	s.T.Helper()
	uuidText := s.Get("/api/v1/product/1").Must(http.StatusOK).Object()["product_uuid"].(string)
	a = asked{Entry: uuid.Must(uuid.NewV7()), Product: uuid.MustParse(uuidText)}
	s.arrive(a, state{version: 3, start: &day})
	return a
}

// begin sends a request, and returns what will receive the answer.
func begin(send func() apitest.Reply) <-chan apitest.Reply {
	answer := make(chan apitest.Reply, 1)
	go func() { answer <- send() }()
	return answer
}

// The outcome and the copy may come in either order. The answer comes after both, and a reader then sees the change.
func TestCreateCatalog(t *testing.T) {
	t.Parallel()
	for name, copyFirst := range map[string]bool{"OutcomeFirst": false, "CopyFirst": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupOffer(t)
			answer := begin(func() apitest.Reply { return s.Post("/api/v1/catalog/", offer) })
			a := s.asked(1)
			if a.Operation != "create" || a.ID != a.Entry.String() || string(a.Values) != `{"market":"NL","availability_date":"2026-11-23"}` {
				t.Errorf("asked for %+v", a)
			}
			s.Get("/api/v1/catalog/1").Problem(http.StatusNotFound, "change-pending")
			steps := []func(){func() { s.accept(a, 1) }, func() { s.arrive(a, state{version: 1, start: &day}) }}
			if copyFirst {
				steps[0], steps[1] = steps[1], steps[0]
			}
			for _, step := range steps {
				if len(answer) > 0 {
					t.Error("answered too early")
				}
				step()
			}
			r := (<-answer).Must(http.StatusCreated)
			want := `{"availability_date":"2026-11-23","availability_end_date":null,"id":1,"market":1,"product":1,"updated_at":"2026-11-23T12:00:00.000000Z"}`
			if strings.TrimSpace(r.Text) != want || r.Header("ETag") != `"1"` || r.Header("Location") != "/api/v1/catalog/1" ||
				r.Header("Aggregate-Id") != a.Entry.String() || r.Header("Aggregate-Version") != "1" || r.Header("Preference-Applied") != "" {
				t.Errorf("answered %s, %v", r.Text, r.Headers)
			}
			if read := s.Get(r.Header("Location")).Must(http.StatusOK); read.Text != r.Text || read.Header("ETag") != `"1"` {
				t.Errorf("a reader sees %s", read.Text)
			}
		})
	}
}

func TestChangeCatalog(t *testing.T) {
	t.Parallel()
	end := day.AddDate(0, 1, 0)
	tests := map[string]struct {
		method, body string
		headers      []string
		values       string
		ifMatch      string
		after        state
		status       int
	}{
		"Patch":       {"PATCH", `{"availability_end_date":"2026-12-23"}`, nil, `{"availability_end_date":"2026-12-23"}`, "", state{version: 4, start: &day, end: &end}, 200},
		"PatchToNull": {"PATCH", `{"availability_date":null,"id":7}`, []string{"If-Match", `"3", W/"4", "5"`}, `{"availability_date":null}`, "[3,5]", state{version: 4}, 200},
		"Put":         {"PUT", `{"availability_end_date":"2026-12-23","market":1}`, []string{"If-Match", `W/"3"`}, `{"market":"NL","availability_end_date":"2026-12-23"}`, "[]", state{version: 4, end: &end}, 200},
		"Delete":      {"DELETE", "", []string{"If-Match", `"3"`}, `{}`, "[3]", state{version: 4, deleted: true}, 204},
		"DeleteAny":   {"DELETE", "", []string{"If-Match", `*`}, `{}`, "", state{version: 4, deleted: true}, 204},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupOffer(t)
			entry := s.entry()
			answer := begin(func() apitest.Reply { return s.Do(tt.method, "/api/v1/catalog/1", tt.body, tt.headers...) })
			a := s.asked(1)
			if string(a.Values) != tt.values || string(a.IfMatch) != tt.ifMatch || a.Entry != entry.Entry || a.Product != entry.Product {
				t.Errorf("asked for %s, if %s", a.Values, a.IfMatch)
			}
			before := s.Get("/api/v1/catalog/1").Must(http.StatusOK)
			if before.Header("ETag") != `"3"` {
				t.Errorf("while it is pending, a reader sees %s %s", before.Header("ETag"), before.Text)
			}
			s.accept(a, 4)
			s.arrive(a, tt.after)
			r := (<-answer).Must(tt.status)
			if r.Header("Aggregate-Id") != entry.Entry.String() || r.Header("Aggregate-Version") != "4" {
				t.Errorf("answered %v", r.Headers)
			}
			if tt.after.deleted {
				s.Get("/api/v1/catalog/1").Problem(http.StatusNotFound, "not-found")
				s.Patch("/api/v1/catalog/1", `{}`).Problem(http.StatusNotFound, "not-found")
				return
			}
			if read := s.Get("/api/v1/catalog/1").Must(http.StatusOK); read.Text != r.Text || read.Header("ETag") != `"4"` || r.Header("ETag") != `"4"` {
				t.Errorf("answered %s, a reader sees %s", r.Text, read.Text)
			}
		})
	}
}

// A change that changes nothing is answered with the version that is there.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	s := setupOffer(t)
	s.entry()
	answer := begin(func() apitest.Reply { return s.Patch("/api/v1/catalog/1", `{}`) })
	s.decide(s.asked(1), `"outcome":"unchanged","version":3`)
	if r := (<-answer).Must(http.StatusOK); r.Header("ETag") != `"3"` || r.Header("Aggregate-Version") != "3" {
		t.Errorf("answered %v", r.Headers)
	}
}

// A refusal is the owner's problem. The entry of a refused creation does not exist, and its reader learns why.
func TestRefusedCreation(t *testing.T) {
	t.Parallel()
	s := setupOffer(t)
	answer := begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer, "Idempotency-Key", "k") })
	a := s.asked(1)
	s.decide(a, entryExists)
	r := <-answer
	r.Problem(http.StatusConflict, "entry-exists")
	if p := r.Object(); p["detail"] != "There is already an entry for this product in this market." || p["instance"] != "/api/v1/catalog" {
		t.Errorf("answered %s", r.Text)
	}
	s.Post("/api/v1/catalog", offer, "Idempotency-Key", "k").Problem(http.StatusConflict, "entry-exists")
	for _, r := range []apitest.Reply{
		s.Get("/api/v1/catalog/1"), s.Patch("/api/v1/catalog/1", `{}`), s.Put("/api/v1/catalog/1", `{}`), s.Delete("/api/v1/catalog/1"),
	} {
		r.Problem(http.StatusNotFound, "change-refused")
		if r.Header("Link") != `</api/v1/catalog-change/`+a.ID+`>; rel="status"` {
			t.Errorf("Link %s", r.Header("Link"))
		}
	}
	change := s.Get("/api/v1/catalog-change/" + a.ID).Must(http.StatusOK)
	c := change.Object()
	problem, _ := c["problem"].(map[string]any)
	if c["state"] != "refused" || problem["type"] != "https://monsplit.github.io/problems/entry-exists" || problem["status"] != 409.0 ||
		c["finished_at"] == nil || c["version"] != nil || change.Header("Retry-After") != "" {
		t.Errorf("the request is %s", change.Text)
	}
	if list := s.Get("/api/v1/catalog").Must(http.StatusOK).List(); len(list) > 0 {
		t.Errorf("listed %v", list)
	}
}

func TestOwnersRefusals(t *testing.T) {
	t.Parallel()
	problem := func(name, more string, status int) string {
		return fmt.Sprintf(`"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/%s","title":"x","status":%d%s}`, name, status, more)
	}
	tests := map[string]struct {
		outcome  string
		status   int
		name     string
		pointers string
	}{
		"Stale":     {problem("stale", `,"detail":"The entry is at version 4 by now."`, 412), 412, "stale", ""},
		"NotFound":  {problem("not-found", "", 404), 404, "not-found", ""},
		"Invalid":   {problem("invalid", `,"errors":[{"pointer":"/market","detail":"never changes"},{"pointer":"/availability_date","detail":"x"}]`, 422), 422, "invalid", "/availability_date /market"},
		"Discarded": {problem("change-discarded", `,"detail":"by hand"`, 409), 409, "change-discarded", ""},
		"Expired":   {`"outcome":"expired"`, 409, "change-expired", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupOffer(t)
			s.entry()
			answer := begin(func() apitest.Reply { return s.Patch("/api/v1/catalog/1", `{"market":1}`) })
			a := s.asked(1)
			s.decide(a, `"outcome":"unreadable"`) // not final
			s.decide(a, tt.outcome)
			r := <-answer
			if r.Problem(tt.status, tt.name); r.Pointers() != tt.pointers {
				t.Errorf("answered %s", r.Text)
			}
			if c := s.Get("/api/v1/catalog-change/" + a.ID).Must(http.StatusOK).Object(); c["state"] != "refused" || c["problem"] == nil || c["unreadable"] != false {
				t.Errorf("the request is %v", c)
			}
		})
	}
}

// After the switch, nothing new is sent. What was sent goes on, and its callers are answered.
func TestWritesAreOff(t *testing.T) {
	t.Parallel()
	on := setupOffer(t, atOnce)
	on.Post("/api/v1/catalog", offer, "Idempotency-Key", "k").Must(http.StatusAccepted)
	s := serveBy(t, on.pool, func(o *options) { o.changes.Closed = true })
	for _, r := range []apitest.Reply{
		s.Post("/api/v1/catalog", offer), s.Post("/api/v1/catalog", offer, "Idempotency-Key", "new"), s.Put("/api/v1/catalog/1", `{}`),
		s.Patch("/api/v1/catalog/1", `{}`), s.Delete("/api/v1/catalog/1"),
	} {
		r.Problem(http.StatusConflict, "not-the-owner")
		if r.Header("Link") != `</catalog/api/v1>; rel="successor-version"` {
			t.Errorf("Link %s", r.Header("Link"))
		}
	}
	s.Put("/api/v1/catalog/1", `{"unknown": 1}`).Must(http.StatusUnprocessableEntity)
	a := s.asked(1)
	s.Get("/api/v1/catalog/1").Problem(http.StatusNotFound, "change-pending")
	answer := begin(func() apitest.Reply { return s.Post("/api/v1/catalog", offer, "Idempotency-Key", "k") })
	s.accept(a, 1)
	s.arrive(a, state{version: 1, start: &day})
	(<-answer).Must(http.StatusCreated)
	s.Get("/api/v1/catalog/1").Must(http.StatusOK)
	s.Get("/api/v1/catalog-change/" + a.ID).Must(http.StatusOK)
	const want = `# HELP test_legacy_catalog_writes_total Calls of the legacy API that change the catalog: requested from the owner, refused because the API takes no more changes, invalid by the document of the API, or failed for another reason.
# TYPE test_legacy_catalog_writes_total counter
test_legacy_catalog_writes_total{operation="create",result="refused"} 2
test_legacy_catalog_writes_total{operation="create",result="requested"} 1
test_legacy_catalog_writes_total{operation="delete",result="refused"} 1
test_legacy_catalog_writes_total{operation="patch",result="refused"} 1
test_legacy_catalog_writes_total{operation="replace",result="invalid"} 1
test_legacy_catalog_writes_total{operation="replace",result="refused"} 1
`
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

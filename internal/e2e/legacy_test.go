package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// patientWrites lets a legacy write wait for its outcome longer than a slow machine needs. When a service is ready, its consumer
// may not have joined its group yet, and an instance that was killed leaves the group only some seconds later. The time is below
// that of client.
var patientWrites = []string{"LEGACY_WRITE_WAIT=45s", "HTTP_MAX_WAIT=45s", "HTTP_WRITE_TIMEOUT=60s"}

// place is where an entry can be: a product in a market. Both APIs name it in their own way.
type place struct {
	product, market any // the monolith's integers
	uuid, code      string
}

// legacy and owned return the body of a request for the place, with more members.
func (p place) legacy(members map[string]any) map[string]any {
	return with(members, map[string]any{"product": p.product, "market": p.market})
}

func (p place) owned(members map[string]any) map[string]any {
	return with(members, map[string]any{"product": p.uuid, "market": p.code})
}

func with(members, more map[string]any) map[string]any {
	all := maps.Clone(more)
	maps.Copy(all, members)
	return all
}

// dates are the members of an entry that can change.
func dates(start, end any) map[string]any {
	return map[string]any{"availability_date": start, "availability_end_date": end}
}

// place returns the place of the product in the market.
func (s *system) place(product map[string]any, market string) place {
	s.t.Helper()
	return place{product["id"], s.marketID(market), product["product_uuid"].(string), market}
}

// marketID returns the monolith's integer of a market. It waits until the market has arrived there.
func (s *system) marketID(code string) (id any) {
	s.t.Helper()
	eventually(s.t, "market "+code+" arrives in the monolith", func() bool {
		for _, m := range call(s.t, http.MethodGet, s.monolith.url("/api/v1/market"), nil).must(s.t, http.StatusOK).list {
			if m["iso_code"] == code {
				id = m["id"]
			}
		}
		return id != nil
	})
	return id
}

// legacyURL and ownerURL are the addresses of an entry in both APIs. Without an id, they are those of all entries.
func (s *system) legacyURL(id ...any) string { return s.monolith.url("/api/v1/catalog" + below(id)) }
func (s *system) ownerURL(id ...any) string  { return s.catalog.url("/catalog/api/v1" + below(id)) }

func below(id []any) (path string) {
	for _, part := range id {
		path += "/" + fmt.Sprint(part)
	}
	return path
}

// offer creates an entry through the legacy API.
func (s *system) offer(p place, members map[string]any) reply {
	s.t.Helper()
	return call(s.t, http.MethodPost, s.legacyURL(), p.legacy(members)).must(s.t, http.StatusCreated)
}

// ask sends a request through the legacy API and does not wait for its outcome. It returns the 202.
func (s *system) ask(method, url string, body any, header ...string) reply {
	s.t.Helper()
	return call(s.t, method, url, body, append(header, "Prefer", "respond-async")...).must(s.t, http.StatusAccepted)
}

// became returns what became of the request that was answered with a 202.
func (s *system) became(accepted reply) map[string]any {
	s.t.Helper()
	return call(s.t, http.MethodGet, s.monolith.url(accepted.header.Get("Location")), nil).must(s.t, http.StatusOK).object
}

// is fails the test unless the request is in the state. If it is refused, its problem must have the name.
func (s *system) is(accepted reply, state, problem string) {
	s.t.Helper()
	change := s.became(accepted)
	name := ""
	if p, ok := change["problem"].(map[string]any); ok {
		name = problemName(p)
	}
	if change["state"] != state || name != problem {
		s.t.Errorf("the request is %v, want %s %s", change, state, problem)
	}
}

func problemName(problem map[string]any) string {
	name, _ := strings.CutPrefix(fmt.Sprint(problem["type"]), "https://monsplit.github.io/problems/")
	return name
}

// mustBe fails the test unless the answer is a problem with this name.
func (r reply) mustBe(t *testing.T, status int, name string) reply {
	t.Helper()
	if got := problemName(r.must(t, status).object); got != name {
		t.Fatalf("problem %s, want %s: %s", got, name, r.raw)
	}
	return r
}

// confirmed checks the answer to a change. The legacy API and the owner must show the entry as in the answer, at this version.
func (s *system) confirmed(r reply, version int, start, end any) {
	s.t.Helper()
	etag, number := fmt.Sprintf("%q", fmt.Sprint(version)), fmt.Sprint(version)
	if r.header.Get("ETag") != etag || r.header.Get("Aggregate-Version") != number ||
		r.object["availability_date"] != start || r.object["availability_end_date"] != end {
		s.t.Errorf("answered %s with %v, want version %d from %v to %v", r.raw, r.header, version, start, end)
	}
	if read := call(s.t, http.MethodGet, s.legacyURL(r.object["id"]), nil); read.raw != r.raw || read.header.Get("ETag") != etag {
		s.t.Errorf("the legacy API reads %s at %s after the answer %s", read.raw, read.header.Get("ETag"), r.raw)
	}
	owned := call(s.t, http.MethodGet, s.ownerURL(r.header.Get("Aggregate-Id")), nil)
	if owned.header.Get("ETag") != etag || owned.object["availability_date"] != start || owned.object["availability_end_date"] != end {
		s.t.Errorf("the owner has %s at %s", owned.raw, owned.header.Get("ETag"))
	}
}

// An old integration writes as before the split, and reads each write at once.
func TestLegacyWrites(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")

	created := s.offer(p, dates("2026-03-01", "2026-03-31"))
	s.confirmed(created, 1, "2026-03-01", "2026-03-31")
	if created.object["product"] != p.product || created.object["market"] != p.market {
		t.Errorf("created %s", created.raw)
	}
	if location := created.header.Get("Location"); s.monolith.url(location) != s.legacyURL(created.object["id"]) {
		t.Errorf("the location is %s", location)
	}
	entry := s.legacyURL(created.object["id"])
	change := func(method string, body map[string]any, header ...string) reply {
		t.Helper()
		return call(t, method, entry, body, header...).must(t, http.StatusOK)
	}
	s.confirmed(change(http.MethodPut, map[string]any{"availability_end_date": "2026-04-30"}), 2, nil, "2026-04-30")
	s.confirmed(change(http.MethodPatch, map[string]any{"availability_date": "2026-04-01"}, "If-Match", `"2"`), 3, "2026-04-01", "2026-04-30")
	s.confirmed(change(http.MethodPatch, map[string]any{"availability_end_date": nil}), 4, "2026-04-01", nil)
	s.confirmed(change(http.MethodPatch, map[string]any{"availability_date": "2026-04-01"}), 4, "2026-04-01", nil)
	s.confirmed(change(http.MethodPut, p.legacy(map[string]any{"availability_date": "2026-04-01"})), 4, "2026-04-01", nil)

	deleted := call(t, http.MethodDelete, entry, nil, "If-Match", `"4"`).must(t, http.StatusNoContent)
	if id := deleted.header.Get("Aggregate-Id"); id != created.header.Get("Aggregate-Id") || deleted.header.Get("Aggregate-Version") != "5" {
		t.Errorf("the deletion was answered with %v", deleted.header)
	}
	for _, url := range []string{entry, s.ownerURL(created.header.Get("Aggregate-Id"))} {
		call(t, http.MethodGet, url, nil).mustBe(t, http.StatusNotFound, "not-found")
	}
	if again := s.offer(p, nil); again.object["id"] == created.object["id"] {
		t.Error("the integer of a deleted entry is used again")
	} else {
		s.confirmed(again, 1, nil, nil)
	}
	s.checkRequests(8)
	if got, want := s.outcomes(), "[accepted 6 unchanged 2]"; got != want {
		t.Errorf("outcomes %s, want %s", got, want)
	}
}

// A legacy write is refused with the same problem with which the owner's API answers to the same request.
func TestLegacyWritesAreRefusedLikeTheOwners(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	s.createMarket("FR")
	desk := s.createProduct("Desk")
	taken, free := s.place(desk, "DE"), s.place(desk, "FR")
	entry := s.offer(taken, dates("2026-03-01", "2026-03-31"))
	lost := s.offer(free, nil)
	call(t, http.MethodDelete, s.legacyURL(lost.object["id"]), nil).must(t, http.StatusNoContent)
	ended := s.createProduct("Discontinued")
	s.patchProduct(ended, map[string]any{"discontinued": true})
	gone := place{product: 99999, market: 99999, uuid: "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", code: "ZZ"}
	s.settled()

	early := map[string]any{"availability_end_date": "2026-02-28"}
	for name, tt := range map[string]struct {
		method  string
		entry   *reply // nil for a new entry
		place   place  // zero if the body does not name it
		members map[string]any
		match   string
		problem string
	}{
		"EntryExists":      {http.MethodPost, nil, taken, nil, "", "entry-exists"},
		"EndBeforeStart":   {http.MethodPost, nil, free, dates("2026-03-01", "2026-02-28"), "", "invalid"},
		"NoDate":           {http.MethodPost, nil, free, dates("soon", nil), "", "invalid"},
		"YearZero":         {http.MethodPost, nil, free, dates("0000-01-01", nil), "", "invalid"},
		"Discontinued":     {http.MethodPost, nil, s.place(ended, "DE"), nil, "", "invalid"},
		"PatchEndsEarly":   {http.MethodPatch, &entry, place{}, early, "", "invalid"},
		"PutEndsEarly":     {http.MethodPut, &entry, place{}, dates("2026-03-01", "2026-02-28"), "", "invalid"},
		"OtherMarket":      {http.MethodPatch, &entry, free, nil, "", "invalid"},
		"OtherProduct":     {http.MethodPut, &entry, s.place(ended, "DE"), nil, "", "invalid"},
		"PatchStale":       {http.MethodPatch, &entry, place{}, early, `"2"`, "stale"},
		"PutStale":         {http.MethodPut, &entry, place{}, early, `"2"`, "stale"},
		"DeleteStale":      {http.MethodDelete, &entry, place{}, nil, `"2", "3"`, "stale"},
		"WeakTag":          {http.MethodDelete, &entry, place{}, nil, `W/"1"`, "stale"},
		"UnknownReference": {http.MethodPost, nil, gone, nil, "", "unknown-reference"},
		"PatchNotFound":    {http.MethodPatch, &lost, place{}, early, "", "not-found"},
		"PutNotFound":      {http.MethodPut, &lost, place{}, early, "", "not-found"},
		"DeleteNotFound":   {http.MethodDelete, &lost, place{}, nil, "", "not-found"},
	} {
		var header []string
		if tt.match != "" {
			header = []string{"If-Match", tt.match}
		}
		legacyURL, ownerURL, legacyBody, ownerBody := s.legacyURL(), s.ownerURL(), tt.members, tt.members
		if tt.entry != nil {
			legacyURL, ownerURL = s.legacyURL(tt.entry.object["id"]), s.ownerURL(tt.entry.header.Get("Aggregate-Id"))
		}
		if tt.place != (place{}) {
			legacyBody, ownerBody = tt.place.legacy(tt.members), tt.place.owned(tt.members)
		}
		legacy, owner := call(t, tt.method, legacyURL, orNil(legacyBody), header...), call(t, tt.method, ownerURL, orNil(ownerBody), header...)
		if got, want := withoutWords(legacy), withoutWords(owner); got != want || problemName(legacy.object) != tt.problem {
			t.Errorf("%s: the legacy API refuses with\n%s\nand the owner with\n%s", name, legacy.raw, owner.raw)
		}
	}
	s.checkRequests(12)
}

// orNil returns no body if there are no members.
func orNil(members map[string]any) any {
	if members == nil {
		return nil
	}
	return members
}

// withoutWords returns what both APIs say in the same way. Each of them names a missing entry, and what it does not know, in its
// own words.
func withoutWords(r reply) string {
	p := maps.Clone(r.object)
	delete(p, "instance")
	delete(p, "request_id")
	if name := problemName(p); name == "not-found" || name == "unknown-reference" {
		delete(p, "detail")
		faults, _ := p["errors"].([]any)
		for i, f := range faults {
			faults[i] = f.(map[string]any)["pointer"]
		}
	}
	return fmt.Sprint(r.status, r.header.Get("Content-Type"), p)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// fakeMonolith has the part of the legacy API that the program uses. It is the transport of the client, so that a test can use
// the virtual time of testing/synctest.
type fakeMonolith struct {
	mu       sync.Mutex
	versions map[int64]int64 // of the entries, by their id
	entries  []monolithclient.LegacyEntry
	changes  []*fakeChange
	keys     map[string]*fakeChange
	away     bool           // the owner of the catalog decides nothing
	late     bool           // the copy gets no new entry
	refuse   map[int64]int  // the status with which changes of a product are refused
	sent     []string       // the requests, without reads
	requests map[string]int // how often each method was called
	// before may answer a request in place of the service, or fail in place of the connection. after may lose the answer.
	before, after func(r *http.Request, n int) (*http.Response, error)
}

// fakeChange is a change that the owner has been asked for.
type fakeChange struct {
	monolithclient.CatalogChange

	match  string
	status int // of the outcome
}

func newMonolith(entries ...monolithclient.LegacyEntry) *fakeMonolith {
	m := &fakeMonolith{versions: map[int64]int64{}, entries: []monolithclient.LegacyEntry{}, keys: map[string]*fakeChange{}, refuse: map[int64]int{}, requests: map[string]int{}}
	for _, e := range entries {
		m.add(e)
	}
	return m
}

func offered(product, market int64, from, until string) monolithclient.LegacyEntry {
	return monolithclient.LegacyEntry{Product: product, Market: market, AvailabilityDate: toDate(from), AvailabilityEndDate: toDate(until)}
}

func (m *fakeMonolith) add(e monolithclient.LegacyEntry) int64 {
	e.ID = int64(len(m.versions) + 1)
	m.versions[e.ID] = 1
	m.entries = append(m.entries, e)
	return e.ID
}

// listed returns the entries as text, in the order of their creation.
func (m *fakeMonolith) listed() (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		d := datesOf(e)
		all = append(all, fmt.Sprintf("%d in %d: %s to %s", e.Product, e.Market, d.from, d.until))
	}
	return all
}

// RoundTrip implements http.RoundTripper.
func (m *fakeMonolith) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[r.Method]++
	n := m.requests[r.Method]
	if r.Method != http.MethodGet {
		m.sent = append(m.sent, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Prefer")))
	}
	if m.before != nil {
		if answer, err := m.before(r, n); answer != nil || err != nil {
			return answer, err
		}
	}
	w := httptest.NewRecorder()
	m.serve(w, r)
	if m.after != nil {
		if answer, err := m.after(r, n); answer != nil || err != nil {
			return answer, err
		}
	}
	return w.Result(), nil
}

func (m *fakeMonolith) serve(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/market", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, []monolithclient.LegacyMarket{{ID: 3, ISOCode: "NL"}, {ID: 4, ISOCode: "DE"}})
	})
	mux.HandleFunc("GET /api/v1/catalog", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusOK, slices.DeleteFunc(slices.Clone(m.entries), func(e monolithclient.LegacyEntry) bool {
			return r.FormValue("product") != "" && r.FormValue("product") != fmt.Sprint(e.Product)
		}))
	})
	mux.HandleFunc("GET /api/v1/catalog/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, e := range m.entries {
			if fmt.Sprint(e.ID) == r.PathValue("id") {
				w.Header().Set("ETag", apiclient.ETag(m.versions[e.ID]))
				write(w, http.StatusOK, e)
				return
			}
		}
		problem(w, http.StatusNotFound, apiclient.NotFound)
	})
	mux.HandleFunc("GET /api/v1/catalog-change/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, c := range m.changes {
			if c.ID.String() == r.PathValue("id") {
				w.Header().Set("Retry-After", "2")
				write(w, http.StatusOK, c.CatalogChange)
			}
		}
	})
	mux.HandleFunc("POST /api/v1/catalog", func(w http.ResponseWriter, r *http.Request) {
		var in monolithclient.LegacyEntryInput
		decode(r, &in)
		wanted := monolithclient.LegacyEntry{Product: in.Product, Market: in.Market, AvailabilityDate: in.AvailabilityDate, AvailabilityEndDate: in.AvailabilityEndDate}
		m.answer(w, r, monolithclient.CatalogChange{Operation: monolithclient.CatalogChangeOperationCreate, Wanted: wanted})
	})
	mux.HandleFunc("PATCH /api/v1/catalog/{id}", func(w http.ResponseWriter, r *http.Request) {
		var patch monolithclient.LegacyEntryPatch
		decode(r, &patch)
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			panic(err)
		}
		at := slices.IndexFunc(m.entries, func(e monolithclient.LegacyEntry) bool { return e.ID == id })
		if at < 0 {
			problem(w, http.StatusNotFound, apiclient.NotFound)
			return
		}
		wanted := m.entries[at]
		merge(&wanted.AvailabilityDate, patch.AvailabilityDate)
		merge(&wanted.AvailabilityEndDate, patch.AvailabilityEndDate)
		m.answer(w, r, monolithclient.CatalogChange{Operation: monolithclient.CatalogChangeOperationPatch, Wanted: wanted})
	})
	mux.ServeHTTP(w, r)
}

func merge(old *nullable.Nullable[types.Date], sent nullable.Nullable[types.Date]) {
	if sent.IsSpecified() {
		*old = sent
	}
}

// answer asks the owner for a change, unless it has already been asked with the same key.
func (m *fakeMonolith) answer(w http.ResponseWriter, r *http.Request, asked monolithclient.CatalogChange) {
	key := r.Header.Get("Idempotency-Key")
	c := m.keys[key]
	if c == nil {
		asked.ID, asked.State = types.UUID{1, byte(len(m.changes))}, monolithclient.CatalogChangeStatePending
		c = &fakeChange{CatalogChange: asked, match: r.Header.Get("If-Match")}
		m.changes, m.keys[key] = append(m.changes, c), c
	}
	if !m.away {
		m.decide()
	}
	switch {
	case c.State == monolithclient.CatalogChangeStatePending:
		w.Header().Set("Location", "/api/v1/catalog-change/"+c.ID.String())
		write(w, http.StatusAccepted, c.Wanted)
	case c.Problem != nil:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(c.status)
		encode(w, c.Problem)
	default:
		write(w, c.status, c.Wanted)
	}
}

// comeBack lets the owner decide about the changes that wait.
func (m *fakeMonolith) comeBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = false
	m.decide()
}

func (m *fakeMonolith) decide() {
	for _, c := range m.changes {
		if c.State == monolithclient.CatalogChangeStatePending {
			c.State = monolithclient.CatalogChangeStateDone
			m.carryOut(c)
		}
	}
}

func (m *fakeMonolith) carryOut(c *fakeChange) {
	exists := slices.IndexFunc(m.entries, func(e monolithclient.LegacyEntry) bool {
		return e.Product == c.Wanted.Product && e.Market == c.Wanted.Market
	})
	switch create := c.Operation == monolithclient.CatalogChangeOperationCreate; {
	case m.refuse[c.Wanted.Product] == http.StatusConflict:
		c.refused(http.StatusConflict, apiclient.ChangeExpired)
	case m.refuse[c.Wanted.Product] != 0:
		c.refused(m.refuse[c.Wanted.Product], apiclient.UnknownReference)
	case create && (exists >= 0 || m.late):
		c.refused(http.StatusConflict, apiclient.EntryExists)
	case create:
		c.Wanted.ID, c.status = m.add(c.Wanted), http.StatusCreated
	case exists < 0:
		c.refused(http.StatusNotFound, apiclient.NotFound)
	case c.match != apiclient.ETag(m.versions[c.Wanted.ID]):
		c.refused(http.StatusPreconditionFailed, apiclient.Stale)
	default:
		m.entries[exists], c.status = c.Wanted, http.StatusOK
		m.versions[c.Wanted.ID]++
	}
}

func (c *fakeChange) refused(status int, name string) {
	c.State, c.status = monolithclient.CatalogChangeStateRefused, status
	c.Problem = &monolithclient.Problem{Type: "https://monsplit.github.io/problems/" + name, Title: http.StatusText(status), Status: int32(status)}
	if name == apiclient.UnknownReference {
		c.Problem.Detail, c.Problem.Errors = new("What the entry refers to is not known here."), []monolithclient.Fault{{Pointer: "/product", Detail: "is not known here"}}
	}
}

var errLost = errors.New("connection reset by peer")

// instead returns an answer that does not come from the monolith.
func instead(status int, name, retryAfter string) *http.Response {
	w := httptest.NewRecorder()
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	problem(w, status, name)
	return w.Result()
}

func problem(w http.ResponseWriter, status int, name string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	encode(w, map[string]any{"type": "https://monsplit.github.io/problems/" + name, "title": http.StatusText(status), "status": status})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encode(w, body)
}

func encode(w http.ResponseWriter, body any) {
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func decode(r *http.Request, body any) {
	if err := json.NewDecoder(r.Body).Decode(body); err != nil {
		panic(err)
	}
}

// is fails the test unless the catalog has exactly these entries.
func (m *fakeMonolith) is(t *testing.T, want ...string) {
	t.Helper()
	if got := m.listed(); !slices.Equal(got, want) {
		t.Errorf("the catalog has %q, want %q", got, want)
	}
}

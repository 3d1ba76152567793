package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The catalog is killed again and again while it decides about many requests.
func TestCatalogKilledAmongManyRequests(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	var places []place
	for i := range 24 {
		places = append(places, s.place(s.createProduct(fmt.Sprint("Desk ", i)), "DE"))
	}
	s.settled()
	s.catalog.terminate()
	for _, p := range places {
		made := s.ask(http.MethodPost, s.legacyURL(), p.legacy(nil))
		entry := s.legacyURL(made.object["id"])
		s.ask(http.MethodPost, s.legacyURL(), p.legacy(nil))
		for i := range 4 {
			s.ask(http.MethodPatch, entry, dates(fmt.Sprintf("2026-03-%02d", i+1), nil), "If-Match", fmt.Sprintf("%q", fmt.Sprint(i+1)))
		}
		s.ask(http.MethodDelete, entry, nil)
		s.ask(http.MethodPost, s.legacyURL(), p.legacy(nil))
	}
	decided := func() int { return len(rows(t, s.catalogDB, `SELECT FROM decided_request`)) }
	for i := range 3 {
		s.catalog = s.launchCatalog(append(fastLease[:len(fastLease):len(fastLease)], "CONSUMER_BATCH=5")...)
		eventually(t, "the catalog decides", func() bool { return decided() > 40*i })
		s.catalog.kill()
	}
	if n := decided(); n == 8*len(places) {
		t.Logf("all %d requests were decided before the last kill", n)
	}
	s.catalog = s.startCatalog(fastLease...)
	s.checkRequests(8 * len(places))
	if got, want := s.outcomes(), fmt.Sprintf("[accepted %d refused %d]", 7*len(places), len(places)); got != want {
		t.Errorf("outcomes %s, want %s", got, want)
	}
}

func (s *system) launchCatalog(env ...string) *process {
	s.t.Helper()
	return launch(s.t, "catalog", s.env(s.catalogDB, env...)...)
}

// Both services are killed while clients write through the legacy API: the catalog at any moment, and the monolith at any moment
// and between the commit of a request and its answer. Clients repeat a request with its Idempotency-Key until they know the
// outcome. Each request has one effect, and its outcome is always the same.
func TestLegacyWritesKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	monolith := func() { s.monolith = s.startMonolith(slices.Concat(fastLease, patientWrites)...) }
	catalog := func() { s.catalog = s.startCatalog(fastLease...) }
	monolith()
	catalog()
	s.createMarket("DE")
	clients := &legacyClients{system: s, done: make(chan struct{})}
	const count = 4
	for i := range count {
		clients.start(i, s.place(s.createProduct(fmt.Sprint("Desk ", i)), "DE"))
	}
	t.Cleanup(clients.stop)
	more := func() {
		before := clients.answered.Load()
		eventually(t, "writing goes on", func() bool { return clients.answered.Load() > before+10 })
	}
	for range 2 {
		more()
		s.catalog.kill()
		eventually(t, "all clients wait for an outcome", func() bool { return s.unanswered() == count })
		s.monolith.kill()
		monolith()
		catalog()
		more()
		s.monolith.kill()
		monolith()
		more()
		s.catalog.kill()
		catalog()
	}
	more()
	clients.stop()
	n := int(clients.requests.Load())
	s.checkRequests(n)
	if sent := rows(t, s.monolithDB, `SELECT FROM sent_request`); len(sent) != n {
		t.Errorf("%d requests were sent with %d keys", len(sent), n)
	}
}

// unanswered counts the requests that a client still waits for: they have no outcome, or the copy does not have their change.
func (s *system) unanswered() int {
	s.t.Helper()
	return len(rows(s.t, s.monolithDB, `SELECT FROM sent_request r LEFT JOIN catalog_entry_copy c ON c.id::text = r.subject
		WHERE r.finished_at IS NULL OR coalesce(c.version, 0) < (r.result->>'version')::bigint`))
}

// legacyClients write through the legacy API, each in a place of its own, so that all outcomes are known before.
type legacyClients struct {
	*system
	done               chan struct{}
	once               sync.Once
	wg                 sync.WaitGroup
	requests, answered atomic.Int64
}

func (c *legacyClients) stop() {
	c.once.Do(func() { close(c.done) })
	c.wg.Wait()
}

func (c *legacyClients) start(number int, p place) {
	c.wg.Go(func() {
		for round := 0; ; round++ {
			select {
			case <-c.done:
				return
			default:
			}
			if !c.round(fmt.Sprintf("%d-%d", number, round), p) {
				return
			}
		}
	})
}

// round is the life of one entry. It returns false if an outcome was not as it must be.
func (c *legacyClients) round(key string, p place) bool {
	const catalog = "/api/v1/catalog"
	made, ok := c.write(key+"-create", http.MethodPost, catalog, p.legacy(dates("2026-03-01", nil)), "201 1")
	if !ok {
		return false
	}
	entry := catalog + below([]any{made.object["id"]})
	for _, step := range []struct {
		name, method, path string
		body               any
		want               string
	}{
		{"patch", http.MethodPatch, entry, dates("2026-04-01", nil), "200 2"},
		{"again", http.MethodPost, catalog, p.legacy(nil), "409 "},
		{"replace", http.MethodPut, entry, dates("2026-04-01", "2026-05-01"), "200 3"},
		{"same", http.MethodPut, entry, dates("2026-04-01", "2026-05-01"), "200 3"},
		{"delete", http.MethodDelete, entry, nil, "204 4"},
	} {
		if _, ok := c.write(key+"-"+step.name, step.method, step.path, step.body, step.want); !ok {
			return false
		}
	}
	// Later repetitions get the same outcome too.
	c.requests.Add(-1)
	_, ok = c.write(key+"-create", http.MethodPost, catalog, p.legacy(dates("2026-03-01", nil)), "201 1")
	return ok
}

// write repeats a request until it has its outcome: a status, and the version of the entry.
func (c *legacyClients) write(key, method, path string, body any, want string) (reply, bool) {
	c.requests.Add(1)
	limit := time.After(2 * patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := try(c.t, method, c.writeTo.Load().(string)+path, body, "Idempotency-Key", key)
		if err == nil && r.status != http.StatusAccepted && r.status < http.StatusInternalServerError {
			c.answered.Add(1)
			if got := fmt.Sprint(r.status, " ", r.header.Get("Aggregate-Version")); got != want {
				c.t.Errorf("%s: %q, want %q: %s", key, got, want, r.raw)
				return r, false
			}
			return r, true
		}
		select {
		case <-limit:
			c.t.Errorf("%s has no outcome: %v, %d %s", key, err, r.status, r.raw)
			return r, false
		case <-c.t.Context().Done():
			return r, false
		case <-tick.C:
		}
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// While the catalog is down, a legacy write is answered with 202 in time. It is carried out when the catalog is back, and a
// client can learn what became of it.
func TestLegacyWritesWithoutTheCatalog(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith("LEGACY_WRITE_WAIT=100ms"), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	if code := s.catalog.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	began := time.Now()
	made := call(t, http.MethodPost, s.legacyURL(), p.legacy(dates("2026-03-01", nil))).must(t, http.StatusAccepted)
	if took := time.Since(began); took < 100*time.Millisecond || took > 10*time.Second { // the longest wait that the default allows
		t.Errorf("answered after %v", took)
	}
	for name, value := range map[string]string{"ETag": "", "Preference-Applied": "", "Retry-After": "2"} {
		if got := made.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if made.object["availability_date"] != "2026-03-01" || !strings.HasPrefix(made.header.Get("Location"), "/api/v1/catalog-change/") {
		t.Errorf("answered %s with %v", made.raw, made.header)
	}
	refused := call(t, http.MethodPost, s.legacyURL(), p.legacy(nil), "Prefer", "wait=0").must(t, http.StatusAccepted)
	if got := refused.header.Get("Preference-Applied"); got != "wait=0" {
		t.Errorf("Preference-Applied is %q", got)
	}
	eventually(t, "readyz of the monolith stays ready", func() bool { return status(s.monolith.url("/readyz")) == http.StatusOK })

	s.catalog = s.startCatalog()
	s.checkRequests(2)
	s.is(made, "done", "")
	s.is(refused, "refused", "entry-exists")
	call(t, http.MethodGet, s.legacyURL(refused.object["id"]), nil).mustBe(t, http.StatusNotFound, "change-refused")
	s.confirmed(call(t, http.MethodPut, s.legacyURL(made.object["id"]), map[string]any{}, "Prefer", "wait=10").must(t, http.StatusOK), 2, nil, nil)
}

// A request that reaches the owner after its time has no effect.
func TestLegacyWritesExpire(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	desk := s.createProduct("Desk")
	entry := s.offer(s.place(desk, "DE"), dates("2026-03-01", nil))
	s.createMarket("FR")
	free := s.place(desk, "FR")
	s.settled()
	s.catalog.terminate()
	s.kafka.Stop()
	patch := s.ask(http.MethodPatch, s.legacyURL(entry.object["id"]), dates("2026-04-01", nil))
	made := s.ask(http.MethodPost, s.legacyURL(), free.legacy(nil))

	// The requests were sent a year ago, and Kafka was away all the time.
	rows(t, s.monolithDB, `UPDATE sent_request SET expires_at = expires_at - interval '1 year' WHERE finished_at IS NULL`)
	s.rewritePending(patientWrites, `{data,expires_at}`, `to_jsonb((e.payload #>> '{data,expires_at}')::timestamptz - interval '1 year')`)
	s.kafka.Start()
	for _, accepted := range []reply{patch, made} {
		if change := s.became(accepted); change["state"] != "pending" || change["overdue"] != true {
			t.Errorf("the request is %v", change)
		}
	}
	s.catalog = s.startCatalog()
	s.checkRequests(3)
	for _, accepted := range []reply{patch, made} {
		s.is(accepted, "refused", "change-expired")
	}
	if owned := call(t, http.MethodGet, s.ownerURL(entry.header.Get("Aggregate-Id")), nil); owned.header.Get("ETag") != `"1"` {
		t.Errorf("the entry has changed: %s", owned.raw)
	}
	call(t, http.MethodGet, s.legacyURL(made.object["id"]), nil).mustBe(t, http.StatusNotFound, "change-refused")
	s.confirmed(s.offer(free, nil), 1, nil, nil)
}

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
		eventually(t, "all clients wait for an outcome", func() bool { return s.pending() == count })
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

// While the catalog is slow, a client gets a 202, and may wait for the outcome later with the same Idempotency-Key.
func TestLegacyWritesToASlowCatalog(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith("LEGACY_WRITE_WAIT=100ms", "HTTP_MAX_WAIT=15s"), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	s.catalog.freeze()
	write := []string{"Idempotency-Key", "k", "Prefer", "wait=15"}
	call(t, http.MethodPost, s.legacyURL(), p.legacy(nil), write[:2]...).must(t, http.StatusAccepted)
	answer := begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil), write...)
	s.waits(1)
	s.catalog.thaw()
	made := (<-answer).must(t, http.StatusCreated)
	s.confirmed(made, 1, nil, nil)
	if again := call(t, http.MethodPost, s.legacyURL(), p.legacy(nil), write...).must(t, http.StatusCreated); again.raw != made.raw {
		t.Errorf("repeated: %s, was %s", again.raw, made.raw)
	}
	call(t, http.MethodPost, s.legacyURL(), p.legacy(dates("2026-03-01", nil)), write...).mustBe(t, http.StatusUnprocessableEntity, "idempotency-key-reused")
	s.checkRequests(1)
	if got, want := s.outcomes(), "[accepted 1]"; got != want {
		t.Errorf("outcomes %s, want %s", got, want)
	}
}

// waits waits until so many clients of the monolith wait.
func (s *system) waits(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprint(n, " clients wait"), func() bool { return s.monolith.metric("monsplit_wakeup_waiting") == float64(n) })
}

// A stop answers the clients that wait at once. Later the API takes no more changes, but what was sent goes on.
func TestLegacyWritesAreRetired(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(append(patientWrites[:len(patientWrites):len(patientWrites)], "SHUTDOWN_GRACE=60s")...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	s.settled()
	s.catalog.terminate()
	answer := begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil), "Idempotency-Key", "k")
	s.waits(1)
	began := time.Now()
	if code := s.monolith.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	accepted := (<-answer).must(t, http.StatusAccepted)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	s.monolith = s.startMonolith(append(patientWrites[:len(patientWrites):len(patientWrites)], "LEGACY_CATALOG_WRITES=off")...)
	r := call(t, http.MethodPost, s.legacyURL(), p.legacy(nil)).mustBe(t, http.StatusConflict, "not-the-owner")
	if link := r.header.Get("Link"); link != `</catalog/api/v1>; rel="successor-version"` {
		t.Errorf("the link is %q", link)
	}
	if n := s.monolith.metric("monsplit_legacy_catalog_writes_total"); n != 1 {
		t.Errorf("%v calls are counted", n)
	}
	s.is(accepted, "pending", "")
	answer = begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil), "Idempotency-Key", "k")
	s.catalog = s.startCatalog()
	s.confirmed((<-answer).must(t, http.StatusCreated), 1, nil, nil)
	s.checkRequests(1)
}

// A request that the owner cannot read is pending until an operator of the owner discards it. Other requests go on.
func TestLegacyWritesThatTheOwnerCannotRead(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	s.settled()
	s.kafka.Stop()
	broken := s.ask(http.MethodPost, s.legacyURL(), p.legacy(nil))
	s.rewritePending(patientWrites, `{data,operation}`, `to_jsonb('paint'::text)`)
	s.kafka.Start()
	s.confirmed(s.offer(p, nil), 1, nil, nil)
	eventually(t, "the request is known to be unreadable", func() bool { return s.became(broken)["unreadable"] == true })
	s.is(broken, "pending", "")
	letters := rows(t, s.catalogDB, `SELECT id FROM dead_letter WHERE state = 'open'`)
	if len(letters) != 1 {
		t.Fatalf("open dead letters: %v", letters)
	}
	command(t, s.env(s.catalogDB), "catalog", "dead-letters", "discard", letters[0], "--note=we do not paint").ok(t)
	s.checkRequests(2)
	s.is(broken, "refused", "change-discarded")
	if problem := s.became(broken)["problem"].(map[string]any); problem["detail"] != "we do not paint" {
		t.Errorf("the problem is %v", problem)
	}
}

// rewritePending restarts the monolith with other values in the messages that are not yet in Kafka.
func (s *system) rewritePending(env []string, member, value string) {
	s.t.Helper()
	if code := s.monolith.terminate(); code != 0 {
		s.t.Errorf("exit code %d", code)
	}
	rows(s.t, s.monolithDB, `UPDATE outbox_event o SET payload = convert_to(jsonb_set(e.payload, '`+member+`', `+value+`)::text, 'UTF8')
		FROM (SELECT seq, convert_from(payload, 'UTF8')::jsonb AS payload FROM outbox_event JOIN outbox_pending USING (seq)) e WHERE e.seq = o.seq`)
	s.monolith = s.startMonolith(env...)
}

// Requests and outcomes that come again, also much later, change nothing.
func TestLegacyWritesAreDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	made := s.offer(p, nil)
	entry := s.legacyURL(made.object["id"])
	call(t, http.MethodPatch, entry, dates("2026-03-01", nil)).must(t, http.StatusOK)
	call(t, http.MethodPost, s.legacyURL(), p.legacy(nil)).must(t, http.StatusConflict)
	call(t, http.MethodPatch, entry, dates("2026-04-01", nil)).must(t, http.StatusOK)
	call(t, http.MethodDelete, entry, nil).must(t, http.StatusNoContent)
	s.checkRequests(5)

	again := func(topic, db string) {
		t.Helper()
		tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(p.uuid), event.Partitions)}
		var records []broker.Record
		for _, r := range s.kafka.Log(t, tp) {
			records = append(records, r.Record)
		}
		s.kafka.Write(t, tp, records...)
		eventually(t, "everything of "+topic+" is consumed", func() bool {
			end, err := s.kafka.Direct().EndOffset(t.Context(), tp)
			return err == nil && slices.Equal([]string{fmt.Sprint(end)}, rows(t, db, fmt.Sprintf(
				`SELECT next_offset FROM consumer_position WHERE topic = '%s' AND part = %d`, topic, tp.Partition)))
		})
	}
	before := append(s.ownedEntries(), s.outcomes())
	again(requestTopic, s.catalogDB)
	again(outcomeTopic, s.monolithDB)
	s.checkOutcomes(5)
	if after := append(s.ownedEntries(), s.outcomes()); !slices.Equal(after, before) {
		t.Errorf("now %q, before %q", after, before)
	}
	s.confirmed(s.offer(p, nil), 1, nil, nil)
}

//go:build !realkafka

package e2e

// The requests and outcomes of other tests travel over a real Kafka. So these tests run with make test alone.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// While the catalog is slow, a client gets a 202, and may wait for the outcome later with the same Idempotency-Key.
func TestLegacyWritesToASlowCatalog(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(append(patientWrites[:len(patientWrites):len(patientWrites)], "LEGACY_WRITE_WAIT=100ms")...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	s.catalog.freeze()
	write := []string{"Idempotency-Key", "k", "Prefer", "wait=45"}
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
	command(t, s.env(s.catalogDB), "catalog", "dead-letters", "discard", letters[0], "--reason=we do not paint").ok(t)
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

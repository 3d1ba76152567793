package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// holdProducts keeps the events of products from the catalog, until the broker is healed. All other messages pass.
func (s *system) holdProducts() {
	const timedOut = 7
	for partition := range event.Partitions {
		s.kafka.RefuseProduce(broker.TopicPartition{Topic: productTopic, Partition: partition}, timedOut, kafkatest.Forever)
	}
}

func (s *system) parked() int {
	s.t.Helper()
	return len(rows(s.t, s.catalogDB, `SELECT FROM parked_request`))
}

// "Create the product, then offer it" works back to back, also if the product takes longer to the owner than the request.
func TestLegacyEntryOvertakesItsProduct(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	s.createMarket("FR")
	known := s.createProduct("Known")
	discontinued := s.createProduct("Discontinued")
	s.patchProduct(discontinued, map[string]any{"discontinued": true})
	s.settled()

	s.holdProducts()
	fresh := s.createProduct("Fresh")
	s.patchProduct(discontinued, map[string]any{"discontinued": false})
	var answers []<-chan reply
	for _, p := range []place{s.place(fresh, "DE"), s.place(fresh, "FR"), s.place(discontinued, "DE")} {
		answers = append(answers, begin(t, http.MethodPost, s.legacyURL(), p.legacy(dates("2026-03-01", nil))))
	}
	eventually(t, "the requests are parked", func() bool { return s.parked() == len(answers) })
	s.offer(s.place(known, "DE"), nil) // other products go on
	for _, answer := range answers {
		if len(answer) > 0 {
			t.Fatalf("answered without the product: %s", (<-answer).raw)
		}
	}
	s.kafka.Heal()
	for _, answer := range answers {
		s.confirmed((<-answer).must(t, http.StatusCreated), 1, "2026-03-01", nil)
	}
	s.checkRequests(4)
}

// Without a fault, the product and the request race on their way to the owner.
func TestLegacyEntriesOfNewProducts(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	s.marketID("DE")
	var answers []<-chan reply
	for i := range 24 {
		p := s.place(s.createProduct(fmt.Sprint("Desk ", i)), "DE")
		answers = append(answers, begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil)))
	}
	for _, answer := range answers {
		s.confirmed((<-answer).must(t, http.StatusCreated), 1, nil, nil)
	}
	s.checkRequests(24)
}

// Two legacy clients that write the same entry at the same time get what two clients of the owner would get.
func TestLegacyWritesOfOneEntryAtOnce(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	// both sends a request from two clients at once. One must get the status, and the other one the problem.
	both := func(method, url string, bodies [2]any, status, refused int, problem string, header ...string) reply {
		t.Helper()
		var answers [2]<-chan reply
		for i, body := range bodies {
			answers[i] = begin(t, method, url, body, header...)
		}
		won, lost := <-answers[0], <-answers[1]
		if won.status != status {
			won, lost = lost, won
		}
		lost.mustBe(t, refused, problem)
		return won.must(t, status)
	}
	made := both(http.MethodPost, s.legacyURL(), [2]any{p.legacy(dates("2026-03-01", nil)), p.legacy(dates("2026-03-01", nil))},
		http.StatusCreated, http.StatusConflict, "entry-exists")
	s.confirmed(made, 1, "2026-03-01", nil)
	entry := s.legacyURL(made.object["id"])
	patched := both(http.MethodPatch, entry, [2]any{dates("2026-04-01", nil), dates("2026-05-01", nil)},
		http.StatusOK, http.StatusPreconditionFailed, "stale", "If-Match", `"1"`)
	s.confirmed(patched, 2, patched.object["availability_date"], nil)

	// A client of the owner has changed the entry, and the old integration does not know.
	call(t, http.MethodPatch, s.ownerURL(made.header.Get("Aggregate-Id")), dates("2026-06-01", nil), "If-Match", `"2"`).must(t, http.StatusOK)
	call(t, http.MethodPatch, entry, dates("2026-07-01", nil), "If-Match", `"2"`).mustBe(t, http.StatusPreconditionFailed, "stale")
	both(http.MethodDelete, entry, [2]any{}, http.StatusNoContent, http.StatusNotFound, "not-found")
	s.checkRequests(6)
}

// With the owner away, requests for one place queue up behind each other: creations, changes of what is not there yet, and
// deletions. Those that follow from a refused creation are refused too.
func TestLegacyWritesQueueUp(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	s.createMarket("DE")
	p := s.place(s.createProduct("Desk"), "DE")
	s.catalog.terminate()

	create := func() (accepted reply, entry string) {
		t.Helper()
		accepted = s.ask(http.MethodPost, s.legacyURL(), p.legacy(dates("2026-03-01", "2026-03-31")))
		return accepted, s.legacyURL(accepted.object["id"])
	}
	made, first := create()
	moved := s.ask(http.MethodPatch, first, map[string]any{"availability_date": "2026-03-15"})
	if moved.object["availability_date"] != "2026-03-15" || moved.object["availability_end_date"] != "2026-03-31" {
		t.Errorf("wanted %s", moved.raw)
	}
	tooMany, refused := create()
	onRefused := s.ask(http.MethodPatch, refused, map[string]any{"availability_date": nil})
	gone := s.ask(http.MethodDelete, first, nil)
	again, second := create()
	cleared := s.ask(http.MethodPut, second, map[string]any{})

	all := []reply{made, moved, tooMany, onRefused, gone, again, cleared}
	for _, accepted := range all {
		s.is(accepted, "pending", "")
	}
	for _, entry := range []string{first, refused, second} {
		missing := call(t, http.MethodGet, entry, nil).mustBe(t, http.StatusNotFound, "change-pending")
		if !slices.ContainsFunc(all, func(r reply) bool {
			return missing.header.Get("Link") == "<"+r.header.Get("Location")+`>; rel="status"`
		}) {
			t.Errorf("the problem links to %q", missing.header.Get("Link"))
		}
	}
	if list := call(t, http.MethodGet, s.legacyURL(), nil).must(t, http.StatusOK).list; len(list) != 0 {
		t.Errorf("the list shows what is not confirmed: %v", list)
	}

	s.catalog = s.startCatalog()
	s.checkRequests(7)
	for _, accepted := range []reply{made, moved, gone, again, cleared} {
		s.is(accepted, "done", "")
	}
	s.is(tooMany, "refused", "entry-exists")
	s.is(onRefused, "refused", "not-found")
	call(t, http.MethodGet, first, nil).mustBe(t, http.StatusNotFound, "not-found")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		missing := call(t, method, refused, nil).mustBe(t, http.StatusNotFound, "change-refused")
		if missing.header.Get("Link") != "<"+tooMany.header.Get("Location")+`>; rel="status"` {
			t.Errorf("the problem links to %q", missing.header.Get("Link"))
		}
	}
	list := call(t, http.MethodGet, s.legacyURL(), nil).must(t, http.StatusOK).list
	if len(list) != 1 || list[0]["id"] != again.object["id"] || list[0]["availability_date"] != nil {
		t.Errorf("the list is %v", list)
	}
	if log := s.readLog(entryTopic)[s.became(made)["id"].(string)]; !slices.Equal(log, []int64{1, 2, 3}) {
		t.Errorf("the first entry had the versions %v", log)
	}
}

// metric returns the sum of a counter of an instance.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	text := call(p.t, http.MethodGet, p.url("/metrics"), nil).must(p.t, http.StatusOK).raw
	for _, line := range regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			p.t.Fatal(err)
		}
		sum += value
	}
	return sum
}

// One instance of the monolith gets a request, and another instance consumes the outcome. The waiting instance is notified.
func TestLegacyWritesWithTwoInstances(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	env := slices.Concat(fastLease, patientWrites)
	first := s.startMonolith(env...)
	s.monolith, s.catalog = first, s.startCatalog()
	second := s.startMonolith(env...)
	s.createMarket("DE")
	s.marketID("DE")
	const outcomes, notified = "monsplit_request_outcomes_total", "monsplit_wakeup_notifications_total"
	n := 0
	eventually(t, "both instances have consumed outcomes, and the first one was notified", func() bool {
		n++
		p := s.place(s.createProduct(fmt.Sprint("Desk ", n)), "DE")
		s.confirmed(s.offer(p, nil), 1, nil, nil)
		return first.metric(outcomes) > 0 && second.metric(outcomes) > 0 && first.metric(notified) > 0
	})
	// An instance counts an outcome after its commit, and the other one may hear of the commit and answer before that.
	eventually(t, "each outcome is counted once", func() bool { return int(first.metric(outcomes)+second.metric(outcomes)) == n })
	// The first instance ends while a request waits. Its client repeats the request at the second instance, which answers.
	s.catalog.terminate()
	p := s.place(s.createProduct("Desk"), "DE")
	answer := begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil), "Idempotency-Key", "k")
	eventually(t, "the request is sent", func() bool { return s.pending() == 1 })
	first.kill()
	if r := <-answer; r.status != 0 {
		t.Errorf("answered %d %s", r.status, r.raw)
	}
	s.monolith = second
	answer = begin(t, http.MethodPost, s.legacyURL(), p.legacy(nil), "Idempotency-Key", "k")
	s.catalog = s.startCatalog()
	s.confirmed((<-answer).must(t, http.StatusCreated), 1, nil, nil)
	s.checkRequests(n + 1)
	if sent := rows(t, s.monolithDB, `SELECT FROM sent_request`); len(sent) != n+1 {
		t.Errorf("%d requests were sent, want %d", len(sent), n+1)
	}
}

// The owner decides about many requests of one product in one transaction. A refusal in between, also by a unique constraint,
// changes nothing for the others.
func TestLegacyWritesInOneBatch(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(), s.startCatalog()
	desk := s.createProduct("Desk")
	var places []place
	const count = 12 // places; five requests for each of them fit into the first fetch, which is small
	for i := range count {
		s.createMarket(fmt.Sprintf("X%c", 'A'+i))
	}
	s.settled()
	for i := range count {
		places = append(places, s.place(desk, fmt.Sprintf("X%c", 'A'+i)))
	}
	s.catalog.terminate()
	want := map[string][]reply{}
	add := func(problem string, accepted reply) { want[problem] = append(want[problem], accepted) }
	for _, p := range places {
		made := s.ask(http.MethodPost, s.legacyURL(), p.legacy(dates("2026-03-01", nil)))
		entry := s.legacyURL(made.object["id"])
		add("", made)
		add("entry-exists", s.ask(http.MethodPost, s.legacyURL(), p.legacy(nil)))
		add("invalid", s.ask(http.MethodPatch, entry, dates("2026-03-01", "2026-02-01")))
		add("stale", s.ask(http.MethodPut, entry, map[string]any{}, "If-Match", `"9"`))
		add("", s.ask(http.MethodPatch, entry, map[string]any{"availability_end_date": "2026-03-31"}))
	}
	eventually(t, "Kafka has all requests", func() bool {
		return slices.Equal(rows(t, s.monolithDB, `SELECT count(*) FROM outbox_pending`), []string{"0"})
	})
	s.catalog = s.startCatalog()
	s.checkRequests(5 * count)
	if tx := rows(t, s.catalogDB, `SELECT DISTINCT xmin FROM decided_request`); len(tx) != 1 {
		t.Errorf("decided in %d transactions", len(tx))
	}
	for problem, list := range want {
		state := "refused"
		if problem == "" {
			state = "done"
		}
		for _, accepted := range list {
			s.is(accepted, state, problem)
		}
	}
	if n := len(call(t, http.MethodGet, s.legacyURL(), nil).must(t, http.StatusOK).list); n != len(places) {
		t.Errorf("%d entries, want %d", n, len(places))
	}
}

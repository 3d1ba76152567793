package monolith_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith"
)

// owner plays the owner of the entries, at the other end of the broker. It is away until the test lets it answer.
type owner struct {
	t       *testing.T
	kafka   *kafkatest.Broker
	product string
	decided int64
}

// asked is a request as the owner reads it.
type asked struct {
	ID        string
	Number    int64
	Operation string          `json:"operation"`
	Entry     string          `json:"entry"`
	Values    json.RawMessage `json:"values"`
}

// offers starts the monolith with the chair as product 1 and NL as market 1.
func offers(t *testing.T, change ...func(*monolith.Config)) (*service, *owner) {
	t.Helper()
	kafka := kafkatest.New(t)
	s := start(t, kafka.Addr, change...)
	for _, topic := range []string{"monsplit.market.v1", "monsplit.catalog-entry.v1", "monsplit.catalog-entry-outcome.v1"} {
		if err := kafka.Direct().EnsureTopic(t.Context(), broker.TopicSpec{Name: topic, Partitions: event.Partitions}); err != nil {
			t.Fatal(err)
		}
	}
	var created struct {
		UUID string `json:"product_uuid"`
	}
	if _, text := s.call(http.MethodPost, "/api/v1/product", chair); json.Unmarshal([]byte(text), &created) != nil {
		t.Fatal(text)
	}
	publish(t, kafka, "monsplit.market.v1", "NL", "monsplit.market.created.v1", `{"iso_code":"NL","name":"Netherlands","updated_at":"2026-11-23T12:00:00Z"}`)
	s.eventually("/api/v1/market", `"Netherlands"`)
	return s, &owner{t: t, kafka: kafka, product: created.UUID}
}

// asked waits until the n-th request is in the topic, from 1, and returns it.
func (o *owner) asked(n int) (a asked) {
	o.t.Helper()
	at := broker.TopicPartition{Topic: "monsplit.catalog-entry-request.v1", Partition: event.Partition([]byte(o.product), event.Partitions)}
	kafkatest.Eventually(o.t, fmt.Sprintf("request %d is published", n), func() bool {
		end, err := o.kafka.Direct().EndOffset(o.t.Context(), at)
		return err == nil && end >= int64(n)
	})
	record := o.kafka.Log(o.t, at)[n-1]
	e, err := event.Decode(record.Value)
	if err != nil || string(record.Key) != o.product || e.Subject != o.product || e.Type != "monsplit.catalog-entry.change-requested.v1" {
		o.t.Fatalf("published %s, %v", record.Value, err)
	}
	if err := json.Unmarshal(e.Data, &a); err != nil {
		o.t.Fatal(err)
	}
	a.ID, a.Number = e.ID, e.Version
	return a
}

// decide publishes the outcome of a request. outcome has the members of its data, except for the request.
func (o *owner) decide(a asked, outcome string) {
	o.t.Helper()
	o.decided++
	o.publish("monsplit.catalog-entry-outcome.v1", o.product, "monsplit.catalog-entry.change-decided.v1", o.decided,
		fmt.Sprintf(`{"request":%q,%s}`, a.ID, outcome))
}

// accept publishes the entry at the version, and the outcome.
func (o *owner) accept(a asked, version int64, kind, end string) {
	o.t.Helper()
	data := fmt.Sprintf(`{"id":%q,"product":%q,"market":"NL","availability_date":"2026-11-23","availability_end_date":%s,"updated_at":"2026-11-23T12:00:00Z"}`,
		a.Entry, o.product, end)
	o.publish("monsplit.catalog-entry.v1", a.Entry, "monsplit.catalog-entry."+kind+".v1", version, data)
	o.decide(a, fmt.Sprintf(`"outcome":"accepted","entry":%q,"version":%d`, a.Entry, version))
}

func (o *owner) publish(topic, key, typ string, version int64, data string) {
	o.t.Helper()
	value, err := json.Marshal(event.Event{ID: uuid.NewString(), Source: "/catalog", Type: typ, Subject: key, Version: version,
		Time: time.Now().UTC(), Data: json.RawMessage(data)})
	if err != nil {
		o.t.Fatal(err)
	}
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
	o.kafka.Write(o.t, tp, broker.Record{Key: []byte(key), Value: value, Time: time.Now()})
}

// reply is an answer to an old integration.
type reply struct {
	status int
	header http.Header
	text   string
}

// send sends a request and returns what will receive the answer. headers are names and values in turn.
func (s *service) send(method, path, body string, headers ...string) <-chan reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Close = true
	answer := make(chan reply, 1)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- reply{text: err.Error()}
			return
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			text = []byte(err.Error())
		}
		answer <- reply{res.StatusCode, res.Header, string(text)}
	}()
	return answer
}

// is fails the test unless the answer has the status and the part of a body.
func (s *service) is(r reply, status int, part string) {
	s.t.Helper()
	if r.status != status || !strings.Contains(r.text, part) {
		s.t.Fatalf("answered %d %s, want %d with %s", r.status, r.text, status, part)
	}
}

const (
	offer     = `{"product":1,"market":1,"availability_date":"2026-11-23"}`
	refusedBy = `"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/entry-exists","title":"Conflict","status":409,` +
		`"detail":"There is already an entry for this product in this market.","errors":[{"pointer":"/market","detail":"is taken"}]}`
)

// An old integration writes as before the split, although another service owns the entries.
func TestLegacyWrites(t *testing.T) {
	t.Parallel()
	s, o := offers(t)
	created := s.send(http.MethodPost, "/api/v1/catalog", offer, "Idempotency-Key", "k")
	create := o.asked(1)
	if create.Operation != "create" || create.Number != 1 || create.ID != create.Entry {
		t.Errorf("asked for %+v", create)
	}
	joined := s.send(http.MethodPost, "/api/v1/catalog", offer, "Idempotency-Key", "k")
	o.accept(create, 1, "created", "null")
	for _, answer := range []<-chan reply{created, joined, s.send(http.MethodPost, "/api/v1/catalog", offer, "Idempotency-Key", "k")} {
		r := <-answer
		s.is(r, http.StatusCreated, `"availability_date":"2026-11-23"`)
		if r.header.Get("Location") != "/api/v1/catalog/1" || r.header.Get("ETag") != `"1"` || r.header.Get("Aggregate-Id") != create.Entry || r.header.Get("Aggregate-Version") != "1" {
			t.Errorf("answered %v", r.header)
		}
	}
	s.eventually("/api/v1/catalog", `"id":1`)

	patched := s.send(http.MethodPatch, "/api/v1/catalog/1", `{"availability_end_date":"2026-12-31"}`, "Content-Type", "application/merge-patch+json", "If-Match", `"1"`)
	patch := o.asked(2)
	if string(patch.Values) != `{"availability_end_date":"2026-12-31"}` || patch.Entry != create.Entry {
		t.Errorf("asked for %+v", patch)
	}
	o.accept(patch, 2, "updated", `"2026-12-31"`)
	s.is(<-patched, http.StatusOK, `"availability_end_date":"2026-12-31"`)

	refused := s.send(http.MethodPost, "/api/v1/catalog", offer)
	o.decide(o.asked(3), refusedBy)
	r := <-refused
	s.is(r, http.StatusConflict, `"errors":[{"pointer":"/market","detail":"is taken"}]`)
	s.is(r, http.StatusConflict, `"type":"https://monsplit.github.io/problems/entry-exists"`)

	deleted := s.send(http.MethodDelete, "/api/v1/catalog/1", "")
	remove := o.asked(4)
	o.accept(remove, 3, "deleted", "null")
	if r := <-deleted; r.status != http.StatusNoContent || r.header.Get("Aggregate-Version") != "3" {
		t.Errorf("answered %d %v", r.status, r.header)
	}
	s.eventually("/metrics", `monsplit_request_outcomes_total{outcome="accepted",topic="monsplit.catalog-entry-request.v1"} 3`)
	s.eventually("/metrics", `monsplit_request_pending{topic="monsplit.catalog-entry-request.v1"} 0`)
	s.eventually("/metrics", `monsplit_legacy_catalog_writes_total{operation="create",result="requested"} 4`)
	s.eventually("/readyz", `"status":"ready"`)
}

// While the owner is away, the answer is 202. The requests are carried out when it comes back, in order.
func TestLegacyWritesWithoutTheOwner(t *testing.T) {
	t.Parallel()
	s, o := offers(t, func(cfg *monolith.Config) { cfg.Legacy.Wait = 10 * time.Millisecond })
	r := <-s.send(http.MethodPost, "/api/v1/catalog", offer)
	s.is(r, http.StatusAccepted, `"id":1`)
	at := r.header.Get("Location")
	later := <-s.send(http.MethodPatch, "/api/v1/catalog/1", `{"availability_end_date":"2026-12-31"}`, "Content-Type", "application/merge-patch+json", "Prefer", "respond-async")
	s.is(later, http.StatusAccepted, `"availability_end_date":"2026-12-31"`)
	if later.header.Get("Preference-Applied") != "respond-async" || r.header.Get("Preference-Applied") != "" {
		t.Errorf("answered %v and %v", r.header, later.header)
	}
	s.eventually(at, `"state":"pending"`)
	s.is(<-s.send(http.MethodGet, "/api/v1/catalog/1", ""), http.StatusNotFound, "change-pending")
	s.eventually("/metrics", `monsplit_request_pending{topic="monsplit.catalog-entry-request.v1"} 2`)

	create, patch := o.asked(1), o.asked(2)
	if create.Operation != "create" || patch.Operation != "patch" || create.Entry != patch.Entry {
		t.Errorf("asked for %+v, then %+v", create, patch)
	}
	o.accept(create, 1, "created", "null")
	s.eventually(at, `"state":"done"`)
	o.accept(patch, 2, "updated", `"2026-12-31"`)
	s.eventually(later.header.Get("Location"), `"state":"done"`)
	s.is(<-s.send(http.MethodGet, "/api/v1/catalog/1", ""), http.StatusOK, `"availability_end_date":"2026-12-31"`)
}

// A stop answers those who wait at once, and not only after its grace period.
func TestStopWhileAWriteWaits(t *testing.T) {
	t.Parallel()
	s, o := offers(t)
	answer := s.send(http.MethodPost, "/api/v1/catalog", offer, "Prefer", "wait=30")
	o.asked(1)
	s.stop()
	s.is(<-answer, http.StatusAccepted, `"id":1`)
}

func TestLegacyWritesAreOff(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1", func(cfg *monolith.Config) { cfg.Legacy.Writes = "off" })
	r := <-s.send(http.MethodPost, "/api/v1/catalog", offer)
	s.is(r, http.StatusConflict, "not-the-owner")
	if link := r.header.Get("Link"); link != `</catalog/api/v1>; rel="successor-version"` {
		t.Errorf("Link %s", link)
	}
	s.eventually("/metrics", `monsplit_legacy_catalog_writes_total{operation="create",result="refused"} 1`)
}

// A service deletes requests that were finished long ago.
func TestOldRequestsAreDeleted(t *testing.T) {
	t.Parallel()
	url := ""
	s := start(t, "127.0.0.1:1", func(cfg *monolith.Config) { url, cfg.Legacy.Keep = cfg.Database.URL, 32*24*time.Hour })
	old, young := uuid.NewString(), uuid.NewString()
	if _, err := pgtest.Open(t, url).Exec(t.Context(), `INSERT INTO sent_request
		(id, topic, key, number, subject, body, created_at, expires_at, outcome, result, finished_at)
		SELECT id::uuid, 'monsplit.catalog-entry-request.v1', 'k', 1, '', '{"operation":"create","wanted":{"id":1,"product":1,"market":1}}', now(), now(), 'expired', '{}', now() - age::interval
		FROM (VALUES ($1, '31 days'), ($2, '29 days')) v (id, age)`, old, young); err != nil {
		t.Fatal(err)
	}
	s.eventually("/api/v1/catalog-change/"+old, `"state":"refused"`)
	s.end()
	s = start(t, "127.0.0.1:1", func(cfg *monolith.Config) { cfg.Database.URL = url })
	s.eventually("/api/v1/catalog-change/"+old, "not-found")
	s.eventually("/api/v1/catalog-change/"+young, `"state":"refused"`)
}

package catalog_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

const requests, outcomes = "monsplit.catalog-entry-request.v1", "monsplit.catalog-entry-outcome.v1"

// outcome is the data of an outcome.
type outcome struct {
	Request, Outcome, Entry string
	Version                 int64
	Problem                 httpserver.Problem
}

// ask writes a request as the monolith would. Without an entry, it creates one. ask returns the id of the request.
func ask(t *testing.T, kafka *kafkatest.Broker, number int64, operation, members, entry string) string {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	if entry == "" {
		entry = id
	}
	data := fmt.Sprintf(`{"operation":%q,"entry":%q,"product":%q,"product_version":1,"expires_at":%q,%s}`,
		operation, entry, product, time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano), members)
	write(t, kafka, requests, event.Event{
		ID: id, Type: "monsplit.catalog-entry.change-requested.v1", Version: number, Data: json.RawMessage(data),
	})
	return id
}

// outcomeOf waits for the next outcome of the product, which must be the one with this number.
func outcomeOf(t *testing.T, kafka *kafkatest.Broker, number int64) (o outcome) {
	t.Helper()
	at := broker.TopicPartition{Topic: outcomes, Partition: event.Partition([]byte(product), event.Partitions)}
	kafkatest.Eventually(t, fmt.Sprintf("outcome %d", number), func() bool {
		end, err := kafka.Direct().EndOffset(t.Context(), at)
		return err == nil && end >= number
	})
	log := kafka.Log(t, at)
	e, err := event.Decode(log[len(log)-1].Value)
	if err != nil || e.Version != number || e.Type != "monsplit.catalog-entry.change-decided.v1" || len(log) != int(number) {
		t.Fatalf("%d outcomes, the last one is %+v, %v", len(log), e, err)
	}
	if err := json.Unmarshal(e.Data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// A request comes in, and its outcome and the event with its cause go out. Refusals are the answers of the API.
func TestARequestComesInAndItsOutcomeGoesOut(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	s := start(t, kafka.Addr)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	monolithTopics(t, kafka)
	id := ask(t, kafka, 1, "create", `"values":{"market":"NL","availability_date":"2026-03-01"}`, "") // parked: the product comes later
	publish(t, kafka, 1, "monsplit.product.created.v1", false)
	if o := outcomeOf(t, kafka, 1); !reflect.DeepEqual(o, outcome{Request: id, Outcome: "accepted", Entry: id, Version: 1}) {
		t.Errorf("outcome %+v", o)
	}
	s.eventually("/catalog/api/v1/"+id, `"availability_date":"2026-03-01"`)
	published(t, kafka, "monsplit.catalog-entry.v1", id, "monsplit.catalog-entry.created.v1")
	events := kafka.Log(t, broker.TopicPartition{Topic: "monsplit.catalog-entry.v1", Partition: event.Partition([]byte(id), event.Partitions)})
	if e, err := event.Decode(events[0].Value); err != nil || e.CausationID != id {
		t.Errorf("the cause of the event is %q, %v", e.CausationID, err)
	}
	s.eventually("/catalog/readyz", `"status":"ready"`)
	s.eventually("/catalog/metrics", `monsplit_request_decided_total{outcome="accepted",topic="monsplit.catalog-entry-request.v1"} 1`)
	s.eventually("/catalog/metrics", `monsplit_request_parked{topic="monsplit.catalog-entry-request.v1"} 0`)

	const values, end = `"values":`, `{"availability_end_date":"2026-01-01"}`
	merge, other := []string{"Content-Type", "application/merge-patch+json"}, uuid.NewString()
	for n, tt := range []struct {
		operation, entry, members string
		method, path, body        string
		header                    []string
	}{
		{"create", "", values + `{"market":"NL"}`, http.MethodPost, "", `{"product":"` + product + `","market":"NL"}`, nil},
		{"create", "", values + `{"market":"BE"}`, http.MethodPost, "", `{"product":"` + product + `","market":"BE"}`, nil},
		{"patch", id, values + end, http.MethodPatch, "/" + id, end, merge},
		{"patch", id, values + `{"market":"BE"}`, http.MethodPatch, "/" + id, `{"market":"BE"}`, merge},
		{"patch", id, `"if_match":[2],` + values + "{}", http.MethodPatch, "/" + id, "{}", append(merge, "If-Match", `"2"`)},
		{"replace", id, `"if_match":[],` + values + "{}", http.MethodPut, "/" + id, "{}", []string{"If-Match", `W/"1"`}},
		{"delete", other, values + "{}", http.MethodDelete, "/" + other, "", nil},
	} {
		ask(t, kafka, int64(n+2), tt.operation, tt.members, tt.entry)
		o := outcomeOf(t, kafka, int64(n+2))
		status, text := s.call(tt.method, "/catalog/api/v1"+tt.path, tt.body, tt.header...)
		var answer httpserver.Problem
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		answer.Instance, answer.RequestID = "", "" // they are about the HTTP request
		if status < 400 || o.Outcome != "refused" || !reflect.DeepEqual(o.Problem, answer) {
			t.Errorf("the API answers %+v to %s %s\nthe outcome is %+v", answer, tt.method, tt.body, o)
		}
	}
}

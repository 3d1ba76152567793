package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog"
)

// service is the catalog service as it runs in production, but in the process of the test.
type service struct {
	t     *testing.T
	url   string
	stop  context.CancelFunc
	ended chan error
}

// start runs the service on an empty database until the test ends.
func start(t *testing.T, kafka string) *service {
	t.Helper()
	return startOn(t, kafka, pgtest.NewURL(t))
}

func startOn(t *testing.T, kafka, database string) *service {
	t.Helper()
	cfg := catalog.Config{Common: config.Common{
		Database: postgres.Settings{URL: database, MaxConns: 8},
		Kafka:    config.Kafka{Brokers: []string{kafka}, ReplicationFactor: 1, MinInSyncReplicas: 1},
		HTTP: httpserver.Settings{
			Addr: "127.0.0.1:0", ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, RequestTimeout: 10 * time.Second,
			WriteTimeout: time.Minute, ListTimeout: time.Minute, IdleTimeout: time.Minute, MaxBodyBytes: 1 << 16,
		},
		Checks:   config.Checks{Responses: true, Events: true},
		Shutdown: lifecycle.Settings{Grace: 30 * time.Second},
		Outbox: config.Outbox{
			LeaseTimeout: 6 * time.Second, LeaseRenew: time.Second, ProduceTimeout: 2 * time.Second,
			SweepMin: 100 * time.Millisecond, SweepMax: time.Second, ClaimRows: 2000, Retention: time.Hour,
		},
		Consumer: config.Consumer{Batch: 500},
	}}
	if err := catalog.Migrate(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	log := servicetest.NewLog(t)
	s := &service{t: t, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- catalog.Run(ctx, cfg, slog.New(log)) }()
	select {
	case addr := <-log.Listening():
		s.url = "http://" + addr
	case err := <-s.ended:
		t.Fatalf("ended early: %v", err)
	}
	t.Cleanup(s.end)
	return s
}

// end stops the service as a signal would.
func (s *service) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("stopped with %v", err)
	}
	s.ended <- nil
}

// call sends a request. The headers are names and values.
func (s *service) call(method, path, body string, headers ...string) (int, string) {
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
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (s *service) eventually(path, part string) {
	s.t.Helper()
	kafkatest.Eventually(s.t, path+" shows "+part, func() bool {
		_, text := s.call(http.MethodGet, path, "")
		return strings.Contains(text, part)
	})
}

const (
	product     = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"
	netherlands = `{"iso_code":"NL","name":"Netherlands"}`
)

func TestAChangeGoesOutAndEventsComeIn(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	s := start(t, kafka.Addr)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	published(t, kafka, "monsplit.market.v1", "NL", "monsplit.market.created.v1")

	monolithTopics(t, kafka) // the consumer waits for them, and then reads them from the beginning
	publish(t, kafka, 1, "monsplit.product.created.v1", false)
	s.eventually("/catalog/api/v1/products", `"Chair"`)
	status, text := s.call(http.MethodPost, "/catalog/api/v1", `{"product":"`+product+`","market":"NL","availability_date":"2026-03-01"}`)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	var entry struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(text), &entry); err != nil {
		t.Fatal(err)
	}
	publish(t, kafka, 2, "monsplit.product.discontinued.v1", true)
	s.eventually("/catalog/api/v1/"+entry.ID, `"availability_end_date":"2026-11-23"`)
	published(t, kafka, "monsplit.catalog-entry.v1", entry.ID, "monsplit.catalog-entry.created.v1", "monsplit.catalog-entry.updated.v1")
	s.eventually("/catalog/readyz", `"status":"ready"`)
	s.eventually("/catalog/metrics", "monsplit_build_info")
	s.eventually("/catalog/openapi.yaml", "listEntries")
	s.eventually("/asyncapi.yaml", "monsplit.catalog-entry.v1")
}

// monolithTopics creates the topics of the monolith.
func monolithTopics(t *testing.T, kafka *kafkatest.Broker) {
	t.Helper()
	for _, topic := range []broker.TopicSpec{{Name: "monsplit.product.v1"}, {Name: requests, Retention: time.Hour}} {
		topic.Partitions = event.Partitions
		if err := kafka.Direct().EnsureTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
}

// published waits until the topic has events of these types for the key. No other key may be in its partition.
func published(t *testing.T, kafka *kafkatest.Broker, topic, key string, types ...string) {
	t.Helper()
	at := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
	kafkatest.Eventually(t, key+" is published", func() bool {
		end, err := kafka.Direct().EndOffset(t.Context(), at)
		return err == nil && end >= int64(len(types))
	})
	for i, record := range kafka.Log(t, at) {
		e, err := event.Decode(record.Value)
		if err != nil || i >= len(types) || string(record.Key) != key || e.Type != types[i] || e.Version != int64(i+1) {
			t.Errorf("published %s, %v", record.Value, err)
		}
	}
}

// publish writes an event of the product as the monolith would.
func publish(t *testing.T, kafka *kafkatest.Broker, version int64, typ string, discontinued bool) {
	t.Helper()
	data := fmt.Sprintf(`{"name":"Chair","product_category":"Furniture","discontinued":%t,"updated_at":"2026-11-23T12:00:00Z"}`, discontinued)
	write(t, kafka, "monsplit.product.v1", event.Event{ID: uuid.NewString(), Type: typ, Version: version, Data: json.RawMessage(data)})
}

// write writes a message about the product as the monolith would.
func write(t *testing.T, kafka *kafkatest.Broker, topic string, e event.Event) {
	t.Helper()
	e.Source, e.Subject, e.Time = "/monolith", product, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	value, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(product), event.Partitions)}
	kafka.Write(t, tp, broker.Record{
		Key: []byte(product), Value: value, Time: time.Now(), Headers: []broker.Header{{Key: event.HeaderID, Value: []byte(e.ID)}},
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	for path, want := range map[string]string{
		"/docs": `data-document="/openapi.yaml"`, "/docs/events": "monsplit.catalog-entry.updated.v1",
		"/catalog/docs": `data-document="/catalog/openapi.yaml"`, "/catalog/docs/events": "monsplit.market.deleted.v1",
	} {
		if status, text := s.call(http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

//nolint:paralleltest // it counts the process's goroutines
func TestStopLeavesNothingBehind(t *testing.T) {
	s := start(t, "127.0.0.1:1") // the first service starts what all tests share
	s.end()
	http.DefaultClient.CloseIdleConnections()
	before := goleak.IgnoreCurrent()
	s = start(t, "127.0.0.1:1")
	s.call(http.MethodGet, "/catalog/api/v1", "")
	s.end()
	goleak.VerifyNone(t, before)
}

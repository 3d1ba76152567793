package monolith_test

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/monsplit/monsplit/services/monolith"
)

// service is the monolith as it runs in production, but in the process of the test.
type service struct {
	t     *testing.T
	url   string
	stop  context.CancelFunc
	ended chan error
}

// start runs the service on an empty database until the test ends.
func start(t *testing.T, kafka string, change ...func(*monolith.Config)) *service {
	t.Helper()
	cfg := monolith.Config{Common: config.Common{
		Database: postgres.Settings{URL: pgtest.NewURL(t), MaxConns: 8},
		Kafka:    config.Kafka{Brokers: []string{kafka}, ReplicationFactor: 1, MinInSyncReplicas: 1},
		HTTP: httpserver.Settings{
			Addr: "127.0.0.1:0", ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute,
			WriteTimeout: time.Minute, ListTimeout: time.Minute, IdleTimeout: time.Minute, MaxBodyBytes: 1 << 16, MaxWait: 30 * time.Second,
		},
		Checks:   config.Checks{Responses: true, Events: true},
		Shutdown: lifecycle.Settings{Grace: 30 * time.Second},
		Outbox: config.Outbox{
			LeaseTimeout: 6 * time.Second, LeaseRenew: time.Second, ProduceTimeout: 2 * time.Second,
			SweepMin: 100 * time.Millisecond, SweepMax: time.Second, ClaimRows: 2000, Retention: time.Hour,
		},
		Consumer: config.Consumer{Batch: 500},
		Requests: config.Requests{Expiry: 24 * time.Hour},
	}, Legacy: monolith.Legacy{Writes: "on", Wait: 30 * time.Second, Keep: 30 * 24 * time.Hour}}
	for _, f := range change {
		f(&cfg)
	}
	if err := monolith.Migrate(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	log := servicetest.NewLog(t)
	s := &service{t: t, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- monolith.Run(ctx, cfg, slog.New(log)) }()
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

func (s *service) call(method, path, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
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

const chair = `{"name":"Chair","product_category":"Furniture"}`

func TestAChangeGoesOutAndEventsComeIn(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	s := start(t, kafka.Addr)
	status, text := s.call(http.MethodPost, "/api/v1/product", chair)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	var created struct {
		UUID string `json:"product_uuid"`
	}
	if err := json.Unmarshal([]byte(text), &created); err != nil {
		t.Fatal(err)
	}
	at := broker.TopicPartition{Topic: "monsplit.product.v1", Partition: event.Partition([]byte(created.UUID), event.Partitions)}
	kafkatest.Eventually(t, "the event is published", func() bool {
		end, err := kafka.Direct().EndOffset(t.Context(), at)
		return err == nil && end == 1
	})
	record := kafka.Log(t, at)[0]
	if e, err := event.Decode(record.Value); err != nil || string(record.Key) != created.UUID || e.Type != "monsplit.product.created.v1" {
		t.Errorf("published %s, %v", record.Value, err)
	}

	// The consumer waits for the topics of the other service, and then reads them from the beginning.
	for _, topic := range []string{"monsplit.market.v1", "monsplit.catalog-entry.v1", "monsplit.catalog-entry-outcome.v1"} {
		if err := kafka.Direct().EnsureTopic(t.Context(), broker.TopicSpec{Name: topic, Partitions: event.Partitions}); err != nil {
			t.Fatal(err)
		}
	}
	entry := uuid.NewString()
	publish(t, kafka, "monsplit.catalog-entry.v1", entry, "monsplit.catalog-entry.created.v1",
		`{"id":"`+entry+`","product":"`+created.UUID+`","market":"NL","availability_date":"2026-11-23","updated_at":"2026-11-23T12:00:00Z"}`)
	publish(t, kafka, "monsplit.market.v1", "NL", "monsplit.market.created.v1",
		`{"iso_code":"NL","name":"Netherlands","updated_at":"2026-11-23T12:00:00Z"}`)
	s.eventually("/api/v1/market", `"Netherlands"`)
	s.eventually("/api/v1/catalog", `"product":1`)
	s.eventually("/readyz", `"status":"ready"`)
	s.eventually("/metrics", "monsplit_build_info")
	s.eventually("/openapi.yaml", "listProducts")
	s.eventually("/asyncapi.yaml", "monsplit.product.v1")
}

// publish writes an event as the catalog would.
func publish(t *testing.T, kafka *kafkatest.Broker, topic, key, typ, data string) {
	t.Helper()
	value, err := json.Marshal(event.Event{ID: uuid.NewString(), Source: "/catalog", Type: typ, Subject: key, Version: 1,
		Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Data: json.RawMessage(data)})
	if err != nil {
		t.Fatal(err)
	}
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
	kafka.Write(t, tp, broker.Record{Key: []byte(key), Value: value, Time: time.Now()})
}

// With a topic of another shape, HTTP works, nothing is published, and /readyz gives the reason.
func TestTopicOfAnotherShape(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	if err := kafka.Direct().EnsureTopic(t.Context(), broker.TopicSpec{Name: "monsplit.product.v1", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	s := start(t, kafka.Addr)
	s.eventually("/readyz", fmt.Sprint("partitions is 3, but must be ", event.Partitions))
	if status, text := s.call(http.MethodPost, "/api/v1/product", chair); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK || !strings.Contains(text, `"status":"degraded"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestKafkaAway(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	if status, text := s.call(http.MethodPost, "/api/v1/product", chair); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK || !strings.Contains(text, `"name":"kafka","status":"degraded"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	for path, want := range map[string]string{
		"/docs": `data-document="/openapi.yaml"`, "/docs/events": "monsplit.product.discontinued.v1",
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
	s.call(http.MethodGet, "/api/v1/product", "")
	s.end()
	goleak.VerifyNone(t, before)
}

// Settings with which the relay cannot work are refused before anything runs.
func TestALeaseThatARequestCanOutlive(t *testing.T) {
	t.Parallel()
	cfg := monolith.Config{Common: config.Common{
		Database: postgres.Settings{URL: "postgres://nobody@127.0.0.1:1/none"}, Kafka: config.Kafka{Brokers: []string{"127.0.0.1:1"}},
		Outbox:   config.Outbox{LeaseTimeout: 3 * time.Second, ProduceTimeout: 2 * time.Second},
		Shutdown: lifecycle.Settings{Grace: time.Second},
	}}
	err := monolith.Run(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "the lease time-out (3s) must be longer") {
		t.Errorf("got %v", err)
	}
}

// An older binary must not work on a database that a newer binary has migrated: the service ends with this error.
func TestANewerSchemaEndsTheService(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	cfg := monolith.Config{Common: config.Common{
		Database: postgres.Settings{URL: url, MigrateOnStart: true}, Kafka: config.Kafka{Brokers: []string{"127.0.0.1:1"}},
		HTTP:     httpserver.Settings{Addr: "127.0.0.1:0", MaxBodyBytes: 1024},
		Shutdown: lifecycle.Settings{Grace: time.Minute}, Outbox: config.Outbox{Retention: time.Hour},
	}}
	if err := monolith.Migrate(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Open(t, url).Exec(t.Context(), `INSERT INTO goose_service (version_id, is_applied) VALUES (99999, true)`); err != nil {
		t.Fatal(err)
	}
	err := monolith.Run(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "schema: migrate goose_service: the database is at version 99999") {
		t.Errorf("got %v", err)
	}
}

func TestAddressTaken(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	cfg := monolith.Config{Common: config.Common{
		Database: postgres.Settings{URL: "postgres://nobody@127.0.0.1:1/none"}, Kafka: config.Kafka{Brokers: []string{"127.0.0.1:1"}},
		HTTP:     httpserver.Settings{Addr: strings.TrimPrefix(s.url, "http://"), MaxBodyBytes: 1024},
		Shutdown: lifecycle.Settings{Grace: time.Second},
	}}
	err := monolith.Run(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "taken") {
		t.Errorf("got %v", err)
	}
}

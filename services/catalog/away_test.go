package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/catalog"
)

// With a topic of another shape, HTTP works, nothing is published, and /readyz gives the reason.
func TestTopicOfAnotherShape(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	if err := kafka.Direct().EnsureTopic(t.Context(), broker.TopicSpec{Name: "monsplit.market.v1", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	s := start(t, kafka.Addr)
	s.eventually("/readyz", fmt.Sprint("partitions is 3, but must be ", event.Partitions))
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK || !strings.Contains(text, `"status":"degraded"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestKafkaAway(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK || !strings.Contains(text, `"name":"kafka","status":"degraded"`) {
		t.Errorf("%d %s", status, text)
	}
}

// While the database is down, the API answers 503. It works again by itself afterwards (invariant 12). No answer tells the
// address of the database.
func TestPostgreSQLAway(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.NewURL(t))
	kafka := kafkatest.New(t)
	s := startOn(t, kafka.Addr, url)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	published(t, kafka, "monsplit.market.v1", "NL", "monsplit.market.created.v1")
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz answers %d %s", status, text)
	}
	proxy.Cut()
	for path, body := range map[string]string{"/catalog/api/v1": "", "/catalog/api/v1/markets": `{"iso_code":"BE","name":"Belgium"}`} {
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		if status, text := s.call(method, path, body); status != http.StatusServiceUnavailable || !strings.Contains(text, "problems/unavailable") {
			t.Errorf("%s %s: %d %s", method, path, status, text)
		}
	}
	s.eventually("/catalog/readyz", `"name":"database","status":"down"`)
	s.eventually("/catalog/readyz", `{"name":"relay","status":"degraded"`) // the relay reports its failure, too
	status, text := s.call(http.MethodGet, "/readyz", "")
	if status != http.StatusServiceUnavailable {
		t.Errorf("readyz answers %d", status)
	}
	for _, secret := range []string{"user=", "database=", proxy.Addr()} {
		if strings.Contains(text, secret) {
			t.Errorf("readyz gives %s away", text)
		}
	}
	if status, _ := s.call(http.MethodGet, "/livez", ""); status != http.StatusOK {
		t.Errorf("livez answers %d", status)
	}
	proxy.Resume()
	kafkatest.Eventually(t, "writes work again", func() bool {
		status, _ := s.call(http.MethodPut, "/catalog/api/v1/markets/NL", `{"name":"Holland"}`)
		return status == http.StatusOK
	})
	s.eventually("/readyz", `"name":"database","status":"ok"`)
}

// Somebody has set the outbox's sequence far ahead, where it has no partition yet. Writes answer 503 until the maintenance has
// made one.
func TestASequenceThatIsFarAhead(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	s := startOn(t, "127.0.0.1:1", url)
	pool := pgtest.Open(t, url)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	guard, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = guard.Rollback(context.Background()) }()
	// The lock of outbox.Maintain: the service does not maintain the outbox in the meantime.
	if _, err := guard.Exec(t.Context(), `SELECT pg_advisory_xact_lock(x'6f7574626f78'::bigint)`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `SELECT setval('outbox_seq', 500000000)`); err != nil {
		t.Fatal(err)
	}
	put := func() (int, string) {
		return s.call(http.MethodPut, "/catalog/api/v1/markets/NL", `{"name":"Holland"}`)
	}
	if status, text := put(); status != http.StatusServiceUnavailable || !strings.Contains(text, "problems/unavailable") {
		t.Errorf("%d %s", status, text)
	}
	if err := guard.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "writes work after the maintenance", func() bool {
		if err := outbox.Maintain(t.Context(), pool, 0); err != nil { // does nothing while the service's own runs
			t.Fatal(err)
		}
		status, _ := put()
		return status == http.StatusOK
	})
}

// A service whose role may not create tables says so at once, when there is room for millions of events. The command maintain
// then makes room as another role.
func TestARoleThatMayNotCreateTables(t *testing.T) {
	t.Parallel()
	owner := pgtest.NewServer(t).NewURL()
	startOn(t, "127.0.0.1:1", owner).end() // has brought the schema up to date
	if _, err := pgtest.Open(t, owner).Exec(t.Context(), `CREATE ROLE limited LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO limited;
		GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO limited; DROP TABLE IF EXISTS outbox_event_8`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	limited, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	limited.User = url.User("limited")
	s := startOn(t, "127.0.0.1:1", limited.String())
	s.eventually("/readyz", `"name":"maintenance","status":"degraded","detail":"the maintenance of the outbox fails: the database reports SQLSTATE 42501`)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Errorf("%d %s", status, text)
	}
}

// A service whose requests use all connections is still ready.
func TestAServiceUnderLoadIsReady(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	s := startOn(t, "127.0.0.1:1", url)
	codes := []string{"NL", "BE", "DE", "FR"} // one entity may not use all connections
	for _, code := range codes {
		if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", `{"iso_code":"`+code+`","name":"A market"}`); status != http.StatusCreated {
			t.Fatalf("%d %s", status, text)
		}
	}
	pool := pgtest.Open(t, url)
	holder, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Rollback(context.WithoutCancel(t.Context())) })
	if _, err := holder.Exec(t.Context(), `SELECT FROM market FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var requests sync.WaitGroup
	for i := range 20 { // more than there are connections for changes
		requests.Go(func() {
			s.call(http.MethodPut, "/catalog/api/v1/markets/"+codes[i%len(codes)], fmt.Sprintf(`{"name":"%d"}`, i))
		})
	}
	kafkatest.Eventually(t, "requests wait for the lock", func() bool {
		var waiting int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'catalog' AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting >= 3 // the share of changes
	})
	if status, text := s.call(http.MethodGet, "/readyz", ""); status != http.StatusOK {
		t.Errorf("readyz answers %d %s", status, text)
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests.Wait()
}

func TestAddressTaken(t *testing.T) {
	t.Parallel()
	s := start(t, "127.0.0.1:1")
	cfg := catalog.Config{Common: config.Common{
		Database: postgres.Settings{URL: "postgres://nobody@127.0.0.1:1/none"}, Kafka: config.Kafka{Brokers: []string{"127.0.0.1:1"}},
		HTTP:     httpserver.Settings{Addr: strings.TrimPrefix(s.url, "http://"), MaxBodyBytes: 1024},
		Shutdown: lifecycle.Settings{Grace: time.Second},
	}}
	err := catalog.Run(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "taken") {
		t.Errorf("got %v", err)
	}
}

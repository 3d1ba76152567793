package monolith_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith"
)

var (
	readChair   = servicetest.Request{Method: http.MethodGet, Path: "/api/v1/product/1", Status: http.StatusOK}
	changeChair = servicetest.Request{
		Method: http.MethodPut, Path: "/api/v1/product/1", Body: `{"name":"Stool","product_category":"Furniture"}`, Status: http.StatusOK,
	}
	createTable = servicetest.Request{
		Method: http.MethodPost, Path: "/api/v1/product", Body: `{"name":"Table","product_category":"Furniture"}`, Status: http.StatusCreated,
	}
)

// startChair runs the service on a database with the chair as product 1.
func startChair(t *testing.T, kafka, database string) *service {
	t.Helper()
	s := start(t, kafka, func(cfg *monolith.Config) { cfg.Database.URL = database })
	if status, text := s.call(http.MethodPost, "/api/v1/product", chair); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	return s
}

// Another session holds a product, and many clients want to change it. Reads by key and creations answer, and events are applied.
func TestAHotRow(t *testing.T) {
	t.Parallel()
	kafka, database := kafkatest.New(t), pgtest.NewURL(t)
	s := startChair(t, kafka.Addr, database)
	for _, topic := range []string{"monsplit.market.v1", "monsplit.catalog-entry.v1", "monsplit.catalog-entry-outcome.v1"} {
		if err := kafka.Direct().EnsureTopic(t.Context(), broker.TopicSpec{Name: topic, Partitions: event.Partitions}); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.HotRow(t, servicetest.Overload{
		URL: s.url, Database: database, Lock: `SELECT FROM product FOR UPDATE`, Flood: changeChair,
		Others: []servicetest.Request{createTable, readChair},
		Meanwhile: func() {
			publish(t, kafka, "monsplit.market.v1", "NL", "monsplit.market.created.v1",
				`{"iso_code":"NL","name":"Netherlands","updated_at":"2026-11-23T12:00:00Z"}`)
			s.eventually("/api/v1/market", `"Netherlands"`)
		},
	})
}

// Lists that hang take all connections of lists. Reads by key and changes answer.
func TestListsThatHang(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	s := startChair(t, "127.0.0.1:1", database)
	servicetest.HangingLists(t, servicetest.Overload{
		URL: s.url, Database: database, Lock: `LOCK TABLE market_copy`,
		Flood:  servicetest.Request{Method: http.MethodGet, Path: "/api/v1/market", Status: http.StatusOK},
		Others: []servicetest.Request{readChair, createTable, changeChair},
	})
}

// Clients that ask for the whole list and do not read it keep no place: another list is answered, and an admin page too.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	s := start(t, "127.0.0.1:1", func(cfg *monolith.Config) {
		cfg.Database.URL, cfg.Admission.Lists, cfg.Checks.Responses = database, 2, false // a check would hold the answers back
	})
	// More than the buffers of a connection can hold. The session leaves out the triggers, which ask for events.
	conn := pgtest.Open(t, database+"&session_replication_role=replica")
	if _, err := conn.Exec(t.Context(), `INSERT INTO product (id, product_uuid, name, product_category, version, created_at, updated_at)
		SELECT n, gen_random_uuid(), n || repeat('x', 80), 'Furniture', 1, now(), now() FROM generate_series(1, 25000) n`); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		s.readNothing("/api/v1/product")
	}
	for _, path := range []string{"/api/v1/product?limit=1", "/api/v1/product?search=1xx&limit=1", "/admin/sign-in"} {
		if status, text := s.call(http.MethodGet, path, ""); status != http.StatusOK {
			t.Errorf("%s is answered with %d %s", path, status, text)
		}
	}
}

// readNothing asks for a list, and reads only the beginning of the answer. The connection stays open until the test ends.
func (s *service) readNothing(path string) {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		s.t.Fatal(err)
	}
	begin := make([]byte, len("HTTP/1.1 200 OK"))
	if _, err := io.ReadFull(conn, begin); err != nil || string(begin) != "HTTP/1.1 200 OK" {
		s.t.Fatalf("%s begins with %q, %v", path, begin, err)
	}
}

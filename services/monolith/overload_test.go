package monolith_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith"
)

// Another session holds a product, and many clients want to change it. They are told so, and reads by key answer.
func TestAHotRow(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	s := start(t, "127.0.0.1:1", func(cfg *monolith.Config) { cfg.Database.URL = database })
	if status, text := s.call(http.MethodPost, "/api/v1/product", chair); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	tx, err := pgtest.Open(t, database).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	if _, err := tx.Exec(t.Context(), `SELECT FROM product FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for range 20 { // more than there are connections for changes
		clients.Go(func() {
			status, text := s.call(http.MethodPut, "/api/v1/product/1", `{"name":"Stool","product_category":"Furniture"}`)
			if status != http.StatusServiceUnavailable || !strings.Contains(text, "/problems/locked") {
				t.Errorf("a change is answered with %d %s", status, text)
			}
		})
	}
	kafkatest.Eventually(t, "changes are refused", func() bool {
		_, text := s.call(http.MethodGet, "/metrics", "")
		return !strings.Contains(text, `http_refused_requests_total{class="write",reason="lock"} 0`)
	})
	if status, text := s.call(http.MethodGet, "/api/v1/product/1", ""); status != http.StatusOK {
		t.Errorf("a read is answered with %d %s", status, text)
	}
	clients.Wait()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, text := s.call(http.MethodPut, "/api/v1/product/1", `{"name":"Stool","product_category":"Furniture"}`); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, text)
	}
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

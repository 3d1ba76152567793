//go:build !realkafka

package e2e

// PostgreSQL is away, and services stop. Kafka does nothing there. So these tests run with make test alone.

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// While the database is down, the APIs answer 503. Afterwards they work again by themselves (invariant 12).
func TestPostgreSQLAway(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	server := pgtest.NewServer(t)
	s.monolithDB = server.NewURL()
	s.monolith, s.catalog = s.startMonolith(), s.startCatalog()
	s.createProduct("Before")
	s.settled()

	server.Kill()
	eventually(t, "writes answer 503", func() bool {
		r := call(t, http.MethodPost, s.monolith.url("/api/v1/product"), map[string]any{"name": "Away", "product_category": "Tests"})
		return r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != ""
	})
	if code := status(s.monolith.url("/readyz")); code != http.StatusServiceUnavailable {
		t.Errorf("readyz answers %d", code)
	}
	if code := status(s.monolith.url("/livez")); code != http.StatusOK {
		t.Errorf("livez answers %d", code)
	}
	server.Start()
	eventually(t, "writes work again", func() bool {
		r := call(t, http.MethodPost, s.monolith.url("/api/v1/product"), map[string]any{"name": "After", "product_category": "Tests"})
		return r.status == http.StatusCreated
	})
	s.settled()
}

// A service that starts before its database reports that, and continues by itself when the database is up (invariant 12).
func TestStartedBeforePostgreSQL(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	server := pgtest.NewServer(t)
	s.monolithDB = server.NewURL()
	server.Kill()
	early := launch(t, "monolith", s.env(s.monolithDB)...)
	if code := early.terminate(); code != 0 {
		t.Errorf("stopped while it waits: exit code %d", code)
	}

	s.monolith = launch(t, "monolith", s.env(s.monolithDB)...)
	s.writeTo.Store("http://" + s.monolith.addr)
	if code := status(s.monolith.url("/livez")); code != http.StatusOK {
		t.Errorf("livez answers %d", code)
	}
	eventually(t, "readyz says what is waited for", func() bool {
		r := call(t, http.MethodGet, s.monolith.url("/readyz"), nil).must(t, http.StatusServiceUnavailable)
		return contains(r.raw, "it waits for the database")
	})
	r := call(t, http.MethodPost, s.monolith.url("/api/v1/product"), map[string]any{"name": "Early", "product_category": "Tests"})
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("a write answers %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	server.Start()
	eventually(t, "it is ready", func() bool { return status(s.monolith.url("/readyz")) == http.StatusOK })
	s.catalog = s.startCatalog()
	s.createProduct("Afterwards")
	s.settled()
}

// A stop first makes the readiness check fail. The service still serves requests until a load balancer had time to notice.
func TestReadinessFailsFirst(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	p := s.startMonolith("SHUTDOWN_DELAY=59s", "SHUTDOWN_GRACE=60s")
	p.signal(syscall.SIGTERM)
	eventually(t, "readyz fails", func() bool { return status(p.url("/readyz")) == http.StatusServiceUnavailable })
	call(t, http.MethodGet, p.url("/api/v1/product"), nil).must(t, http.StatusOK)
}

// A request that a client keeps open is cut off within the grace period, and the stop is still clean.
func TestAStopIsNotHeldUpByClients(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	p := s.startMonolith("SHUTDOWN_GRACE=8s") // a half of it for the client, and a part for the relay
	holdOn(t, p.addr)
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left := holders(t, s.monolithDB); len(left) > 0 {
		t.Errorf("the relay had no time to give its shards back: %v", left)
	}
}

// The database does not delay a stop either. A batch that does not end is given up early enough for the relay to give its shards
// back within the grace period.
func TestAStopIsNotHeldUpByALock(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(), s.startCatalog("SHUTDOWN_GRACE=5s") // a sixth of it is for the relay
	eventually(t, "the relay has opened its shards", func() bool {
		return len(rows(t, s.catalogDB, `SELECT 1 FROM outbox_lease HAVING count(*) > 0 AND min(producer_id) >= 0`)) > 0
	})
	conn, err := pgx.Connect(t.Context(), s.catalogDB)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE product_copy`); err != nil {
		t.Fatal(err)
	}
	s.createProduct("Waited for")
	eventually(t, "the consumer waits for the lock", func() bool {
		return len(rows(t, s.catalogDB, `SELECT 1 FROM pg_locks WHERE relation = 'product_copy'::regclass AND NOT granted`)) > 0
	})
	if code := s.catalog.terminate(); code != 0 || contains(s.catalog.log.String(), "still running") {
		t.Errorf("exit code %d", code)
	}
	if left := holders(t, s.catalogDB); len(left) > 0 {
		t.Errorf("the relay had no time to give its shards back: %v", left)
	}
}

// holdOn begins a request and never sends the rest of it.
func holdOn(t *testing.T, addr string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "POST /api/v1/product HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request is in progress", func() bool {
		return contains(call(t, http.MethodGet, "http://"+addr+"/metrics", nil).raw, "http_requests_in_flight 2")
	})
}

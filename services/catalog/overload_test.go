package catalog_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// flood sends the same request from many clients, again and again, until end is called. It fails the test for each answer
// that is neither a success nor 503 with Retry-After and one of the problems. On a busy machine, "unavailable" is one: a new
// connection to the database takes too long.
func (s *service) flood(clients int, method, path, body string, problems ...string) (end func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				s.floodOnce(ctx, method, path, body, problems)
			}
		})
	}
	return sync.OnceFunc(func() {
		stop()
		all.Wait()
	})
}

func (s *service) floodOnce(ctx context.Context, method, path, body string, problems []string) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return // the flood has ended
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode < 300 {
		return
	}
	for _, problem := range problems {
		if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "" && strings.Contains(string(text), "/problems/"+problem) {
			return
		}
	}
	s.t.Errorf("%s %s is answered with %d, Retry-After %q, %s", method, path, res.StatusCode, res.Header.Get("Retry-After"), text)
}

// hold begins a transaction with a statement that takes a lock. release ends it.
func hold(t *testing.T, database, statement string) (release func()) {
	t.Helper()
	tx, err := pgtest.Open(t, database).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	if _, err := tx.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Another session holds a row, and many clients want to change it. Reads by key and creations answer, and events are applied.
func TestAHotRow(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	database := pgtest.NewURL(t)
	s := startOn(t, kafka.Addr, database)
	monolithTopics(t, kafka)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	release := hold(t, database, `SELECT FROM market FOR UPDATE`) // of NL
	end := s.flood(40, http.MethodPut, "/catalog/api/v1/markets/NL", `{"name":"Holland"}`, "locked", "unavailable")
	defer end()
	s.refused("write", "lock")
	s.succeeds(http.StatusCreated, http.MethodPost, "/catalog/api/v1/markets", `{"iso_code":"BE","name":"Belgium"}`)
	s.succeeds(http.StatusOK, http.MethodGet, "/catalog/api/v1/markets/NL", "")
	publish(t, kafka, 1, "monsplit.product.created.v1", false)
	s.eventually("/catalog/api/v1/products/"+product, `"Chair"`)
	release()
	end()
	kafkatest.Eventually(t, "the row can be changed", func() bool { // requests of clients that have left end first
		status, _ := s.call(http.MethodPut, "/catalog/api/v1/markets/NL", `{"name":"Holland"}`)
		return status == http.StatusOK
	})
}

// Lists that hang take all connections of lists. Reads by key and changes answer.
func TestListsThatHang(t *testing.T) {
	t.Parallel()
	database := pgtest.NewURL(t)
	s := startOn(t, "127.0.0.1:1", database)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	release := hold(t, database, `LOCK TABLE catalog_entry`)
	end := s.flood(20, http.MethodGet, "/catalog/api/v1", "", "locked", "overloaded", "unavailable")
	defer end()
	for _, reason := range []string{"lock", "connection"} {
		s.refused("list", reason)
	}
	s.succeeds(http.StatusOK, http.MethodGet, "/catalog/api/v1/markets/NL", "")
	s.succeeds(http.StatusOK, http.MethodPut, "/catalog/api/v1/markets/NL", `{"name":"Holland"}`)
	release()
	end()
	s.succeeds(http.StatusOK, http.MethodGet, "/catalog/api/v1?limit=1", "")
}

// succeeds sends a request that must not be refused. Only when the service could not open a new connection in time, as on a busy
// machine, the request is sent again.
func (s *service) succeeds(want int, method, path, body string) {
	s.t.Helper()
	kafkatest.Eventually(s.t, method+" "+path+" succeeds", func() bool {
		status, text := s.call(method, path, body)
		if status != want && !strings.Contains(text, "/problems/unavailable") {
			s.t.Fatalf("%s %s is answered with %d %s", method, path, status, text)
		}
		return status == want
	})
}

// refused waits until the metrics show requests of a class that were refused for a reason.
func (s *service) refused(class, reason string) {
	s.t.Helper()
	none := fmt.Sprintf(`http_refused_requests_total{class=%q,reason=%q} 0`, class, reason)
	kafkatest.Eventually(s.t, class+" requests are refused because of "+reason, func() bool {
		_, text := s.call(http.MethodGet, "/metrics", "")
		return !strings.Contains(text, none+"\n") && strings.Contains(text, strings.TrimSuffix(none, "0"))
	})
}

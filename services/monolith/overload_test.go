package monolith_test

import (
	"context"
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

package monolith_test

import (
	"net/http"
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

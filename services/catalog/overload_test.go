package catalog_test

import (
	"net/http"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

const nl = "/catalog/api/v1/markets/NL"

var rename = servicetest.Request{Method: http.MethodPut, Path: nl, Body: `{"name":"Holland"}`, Status: http.StatusOK}

// Another session holds a row, and many clients want to change it. Reads by key and creations answer, and events are applied.
func TestAHotRow(t *testing.T) {
	t.Parallel()
	kafka, database := kafkatest.New(t), pgtest.NewURL(t)
	s := startOn(t, kafka.Addr, database)
	monolithTopics(t, kafka)
	if status, text := s.call(http.MethodPost, "/catalog/api/v1/markets", netherlands); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	servicetest.HotRow(t, servicetest.Overload{
		URL: s.url, Database: database, Lock: `SELECT FROM market FOR UPDATE`, Flood: rename, // of NL
		Others: []servicetest.Request{
			{Method: http.MethodPost, Path: "/catalog/api/v1/markets", Body: `{"iso_code":"BE","name":"Belgium"}`, Status: http.StatusCreated},
			{Method: http.MethodGet, Path: nl, Status: http.StatusOK},
		},
		Meanwhile: func() {
			publish(t, kafka, 1, "monsplit.product.created.v1", false)
			s.eventually("/catalog/api/v1/products/"+product, `"Chair"`)
		},
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
	servicetest.HangingLists(t, servicetest.Overload{
		URL: s.url, Database: database, Lock: `LOCK TABLE catalog_entry`,
		Flood:  servicetest.Request{Method: http.MethodGet, Path: "/catalog/api/v1", Status: http.StatusOK},
		Others: []servicetest.Request{{Method: http.MethodGet, Path: nl, Status: http.StatusOK}, rename},
	})
}

package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/testkit/documented"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// The values in the document's examples.
var (
	documentedDay   = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	documentedTime  = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	changeTime      = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	documentedChair = uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
)

const (
	rockingChair = `{"name": "Rocking chair", "product_category": "Furniture"}`
	armchair     = `{"name": "Armchair", "product_category": "Furniture"}`
)

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	first := func(s *server, _ *documented.World) { s.Post("/api/v1/product", rockingChair).Must(http.StatusCreated) }
	// The operation changes a product that is at its third version.
	third := func(body string) func(*server, *documented.World) {
		return func(s *server, w *documented.World) {
			first(s, w)
			s.Put("/api/v1/product/17", `{"name": "Chair", "product_category": "Furniture"}`).Must(http.StatusOK)
			s.Put("/api/v1/product/17", body).Must(http.StatusOK)
			w.Turn(changeTime)
		}
	}
	copies := func(s *server, w *documented.World) {
		first(s, w)
		s.copyOfEntry()
	}
	states := map[string]func(*server, *documented.World){
		"createProduct": func(*server, *documented.World) {}, "listProducts": first, "getProduct": first,
		"replaceProduct": third(armchair), "patchProduct": third(rockingChair), "deleteProduct": third(rockingChair),
		"listCatalog": copies, "getCatalog": copies, "listMarkets": copies,
		"createCatalog": copies, "replaceCatalog": copies, "patchCatalog": copies, "deleteCatalog": copies,
	}
	documented.Run(t, monolithapi.Document, func(t *testing.T, operation, _ string) string {
		state := states[operation]
		if state == nil {
			t.Fatalf("this test has no state for the examples of %s", operation)
		}
		w := documented.NewWorld(documentedTime)
		w.Give(documentedChair)
		s := serveAt(t, database(t), refused(t), w.Now, w.NewID)
		s.next17()
		state(s, w)
		return s.URL
	})
}

// next17 sets the sequences so that the next ids are the documented ids.
func (s *server) next17() {
	s.T.Helper()
	const query = `SELECT setval(pg_get_serial_sequence('product', 'id'), 16), setval(pg_get_serial_sequence('legacy_market_id', 'id'), 2),
		setval(pg_get_serial_sequence('legacy_catalog_id', 'id'), 4)`
	if _, err := s.pool.Exec(s.T.Context(), query); err != nil {
		s.T.Fatal(err)
	}
}

// copyOfEntry adds the documented market and entry to the copies.
func (s *server) copyOfEntry() {
	s.T.Helper()
	s.apply(func(tx catalogcopy.Tx) error {
		change := copyrow.Change{Version: 1, Time: documentedTime}
		err := catalogcopy.ApplyMarkets(s.T.Context(), tx, []catalogcopy.MarketChange{{ISOCode: "NL", Change: change,
			MarketData: catalogcopy.MarketData{Name: "Netherlands", UpdatedAt: documentedTime}}})
		if err != nil {
			return err
		}
		return catalogcopy.ApplyEntries(s.T.Context(), tx, []catalogcopy.EntryChange{{ID: uuid.New(), Change: change,
			EntryData: catalogcopy.EntryData{Product: documentedChair, Market: "NL", Start: &documentedDay, UpdatedAt: documentedTime}}})
	})
}

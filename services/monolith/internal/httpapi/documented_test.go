package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/internal/testkit/documented"
)

// The values in the document's examples.
var (
	documentedDay   = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	documentedTime  = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	changeTime      = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	documentedChair = uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	documentedEntry = uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08")
)

const (
	rockingChair = `{"name": "Rocking chair", "product_category": "Furniture"}`
	armchair     = `{"name": "Armchair", "product_category": "Furniture"}`
)

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	documented.Run(t, monolithapi.Document, prepareExample)
}

// The rules of HTTP hold for every operation.
func TestVariationsOfExamples(t *testing.T) {
	t.Parallel()
	documented.Vary(t, monolithapi.Document, prepareExample)
}

func TestExamplesWithoutDatabase(t *testing.T) {
	t.Parallel()
	documented.Unavailable(t, monolithapi.Document, setupWithout(t).URL)
}

// One client has stored as many keys as it may. Other addresses and the keys in all are in the tests of internal/idempotency.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	documented.KeysAreBounded(t, monolithapi.Document, func(t *testing.T, operation, example string) string {
		t.Helper()
		s := exampleServer(t, operation, example)
		if _, err := s.pool.Exec(t.Context(), "INSERT INTO idempotency_usage VALUES ('anonymous 127.0.0.1', 500000, now())"); err != nil {
			t.Fatal(err)
		}
		return s.URL
	})
}

// prepareExample is the documented.Prepare of this API.
func prepareExample(t *testing.T, operation, example string) string {
	t.Helper()
	return exampleServer(t, operation, example).URL
}

// exampleServer starts a server in the state that the examples of an operation assume.
func exampleServer(t *testing.T, operation, _ string) *server {
	t.Helper()
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
	market := func(s *server, w *documented.World) {
		first(s, w)
		s.market(documentedTime)
	}
	owned := func(s *server, w *documented.World) {
		market(s, w)
		s.ownEntries(state{version: 1, start: &documentedDay, at: documentedTime})
	}
	// The operation changes an entry that is at its third version.
	changed := func(s *server, w *documented.World) {
		market(s, w)
		entry := asked{Entry: documentedEntry, Product: documentedChair}
		s.arrive(entry, state{version: 3, start: &documentedDay, at: documentedTime})
		s.ownEntries(state{version: 4, start: &documentedDay, at: changeTime})
	}
	pending := func(s *server, w *documented.World) {
		market(s, w)
		s.Post("/api/v1/catalog", `{"product":17,"market":3,"availability_date":"2026-03-01"}`, "Prefer", "respond-async").Must(http.StatusAccepted)
	}
	states := map[string]func(*server, *documented.World){
		"createProduct": func(*server, *documented.World) {}, "listProducts": first, "getProduct": first,
		"replaceProduct": third(armchair), "patchProduct": third(rockingChair), "deleteProduct": third(rockingChair),
		"listCatalog": copies, "getCatalog": copies, "listMarkets": copies,
		"createCatalog": owned, "replaceCatalog": changed, "patchCatalog": changed, "deleteCatalog": changed, "getCatalogChange": pending,
	}
	state := states[operation]
	if state == nil {
		t.Fatalf("this test has no state for the examples of %s", operation)
	}
	w := documented.NewWorld(documentedTime)
	w.Give(documentedChair, uuid.New(), documentedEntry) // the second one is for the event of the product
	s := serveAt(t, database(t), refused(t), w.Now, w.NewID)
	s.next17()
	state(s, w)
	return s
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
	s.market(documentedTime)
	s.arrive(asked{Entry: documentedEntry, Product: documentedChair}, state{version: 1, start: &documentedDay, at: documentedTime})
}

const stale = `"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/stale","title":"Precondition Failed",` +
	`"status":412,"detail":"The entry is now at version 3."}`

// ownEntries accepts the first request that may change version 3, and lets the entry arrive in this state. The end of
// the offer is the one that was sent. The requests before it are refused.
func (s *server) ownEntries(after state) {
	s.T.Helper()
	s.meanwhile(func() {
		n := 1
		a := s.asked(n)
		for string(a.IfMatch) == "[]" || string(a.IfMatch) == "[4]" {
			s.decide(a, stale)
			n++
			a = s.asked(n)
		}
		var values struct {
			End *string `json:"availability_end_date"`
		}
		if err := json.Unmarshal(a.Values, &values); err != nil {
			s.T.Error(err)
		}
		if values.End != nil {
			end, err := time.Parse(time.DateOnly, *values.End)
			if err != nil {
				s.T.Error(err)
			}
			after.end = &end
		}
		after.deleted = a.Operation == "delete"
		s.arrive(a, after)
		s.accept(a, after.version)
	})
}

package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/testkit/documented"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// The values in the document's examples.
var (
	documentedTime  = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	changeTime      = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	documentedChair = uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	documentedEntry = uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08")
)

func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	documented.Run(t, catalogapi.Document, prepareExample)
}

// The rules of HTTP hold for every operation.
func TestVariationsOfExamples(t *testing.T) {
	t.Parallel()
	documented.Vary(t, catalogapi.Document, prepareExample)
}

func TestExamplesWithoutDatabase(t *testing.T) {
	t.Parallel()
	documented.Unavailable(t, catalogapi.Document, setupWithout(t).URL)
}

// One client has stored as many keys as it may. Other addresses and the keys in all are in the tests of internal/idempotency.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	documented.KeysAreBounded(t, catalogapi.Document, func(t *testing.T, operation, example string) string {
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
func exampleServer(t *testing.T, operation, example string) *server {
	t.Helper()
	type state func(*server, *documented.World)
	nothing := func(*server, *documented.World) {}
	chair := func(s *server, _ *documented.World) {
		s.apply(productcopy.ProductChange{ID: documentedChair, Change: copyrow.Change{Version: 1, Time: documentedTime},
			ProductData: productcopy.ProductData{Name: "Rocking chair", Category: "Furniture", UpdatedAt: documentedTime}})
	}
	market := func(s *server, _ *documented.World) { s.Post(markets, netherlands).Must(http.StatusCreated) }
	both := func(s *server, w *documented.World) {
		chair(s, w)
		market(s, w)
		w.Give(documentedEntry)
	}
	entry := func(s *server, w *documented.World) {
		both(s, w)
		s.Post(entries, `{"product": "`+documentedChair.String()+`", "market": "NL", "availability_date": "2026-03-01"}`).Must(http.StatusCreated)
	}
	// The operation changes an entity that is at its third version.
	third := func(first state, path, second, third string) state {
		return func(s *server, w *documented.World) {
			first(s, w)
			s.Put(path, second).Must(http.StatusOK)
			s.Put(path, third).Must(http.StatusOK)
			w.Turn(changeTime)
		}
	}
	thirdMarket := third(market, markets+"/NL", `{"name": "Lowlands"}`, `{"name": "Holland"}`)
	thirdEntry := func(dates string) state { return third(entry, entries+"/"+documentedEntry.String(), `{}`, dates) }
	open := thirdEntry(`{"availability_date": "2026-03-01"}`)
	ended := thirdEntry(`{"availability_date": "2026-03-01", "availability_end_date": "2026-06-30"}`)
	states := map[string]state{
		"listEntries": entry, "createEntry": both, "getEntry": entry, "replaceEntry": ended, "deleteEntry": open,
		"patchEntry/end": open, "patchEntry/reopen": ended,
		"listMarkets": market, "createMarket": nothing, "getMarket": market, "replaceMarket": thirdMarket, "patchMarket": thirdMarket, "deleteMarket": thirdMarket,
		"listProducts": chair, "getProduct": chair,
	}
	name := operation
	if example != "" {
		name += "/" + example
	}
	reach := states[name]
	if reach == nil {
		t.Fatalf("this test has no state for the example %s", name)
	}
	w := documented.NewWorld(documentedTime)
	s := serveAt(t, database(t), w.Now, w.NewID)
	reach(s, w)
	return s
}

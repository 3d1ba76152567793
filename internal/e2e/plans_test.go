//go:build !realkafka

package e2e

// The plans do not depend on the broker. So these tests run with make test alone.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/manyrows"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// readWhole are the statements that read a whole table, because their result needs it. The key is a part of the statement.
var readWhole = map[string]string{
	"-- name: Count":        "for metrics, and when a consumer gets a partition",
	"-- name: ListBlocked ": "for metrics, rarely",
}

// PostgreSQL chooses other plans for empty tables, and sessions may keep them. So the services run while all tables are empty.
// Then each table gets 100,000 rows, and nothing tells the planner. No statement of an operation, the relay or a consumer may
// read a large part of a table (invariant 12).
func TestPlansOfEmptyTablesAreNotKept(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	server := pgtest.NewExplainingServer(t)
	s.monolithDB, s.catalogDB = server.NewURL(), server.NewURL()
	s.monolith, s.catalog = s.startMonolith("DATABASE_MAX_CONNS=6"), s.startCatalog("DATABASE_MAX_CONNS=6")
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		rows(t, db, `VACUUM ANALYZE`)
	}
	const warm, measured = 18, 2 // from the sixth execution on, PostgreSQL may keep a plan
	w := newWorkload(s, warm+measured)
	for n := range warm {
		w.run(n)
	}
	s.settled()

	s.kafka.Stop()
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		manyrows.Fill(t, db, 100_000)
	}
	filled := logSize(t, server, s.monolithDB)
	for n := range measured {
		w.run(warm + n)
	}
	w.isComplete()
	fewBuffers(t, "while Kafka is away", executed(t, server, s.monolithDB, filled))

	// All of them would take long, and statements read the rows that the relay has just deleted. The catalog does not publish to the
	// topic of the new rows.
	rows(t, s.monolithDB, `DELETE FROM outbox_pending WHERE key LIKE 'v%' AND seq > (SELECT min(seq) + 200 FROM outbox_pending WHERE key LIKE 'v%')`)
	rows(t, s.catalogDB, `DELETE FROM outbox_pending WHERE key LIKE 'v%'`)
	for _, db := range []string{s.monolithDB, s.catalogDB} { // claims would read the deleted rows
		eventually(t, "no transaction keeps the deleted rows", func() bool {
			rows(t, db, `VACUUM outbox_pending`)
			return slices.Equal(rows(t, db, `SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'outbox_pending'`), []string{"0"})
		})
	}
	for _, db := range []string{s.monolithDB, s.catalogDB} { // one that has read deleted rows may not be in the log yet
		began := rows(t, db, `SELECT clock_timestamp()::text`)[0]
		eventually(t, "no earlier statement runs", func() bool {
			return len(rows(t, db, `SELECT pid::text FROM pg_stat_activity WHERE state = 'active' AND query_start < '`+began+`' AND pid <> pg_backend_pid()`)) == 0
		})
	}
	before := logSize(t, server, s.monolithDB)
	s.kafka.Start()
	s.drained(s.monolithDB)
	s.drained(s.catalogDB)
	fewBuffers(t, "when Kafka is back", executed(t, server, s.monolithDB, before))
	for _, p := range []*process{s.monolith, s.catalog} {
		if log := p.log.String(); strings.Contains(log, "SQLSTATE 57014") { // query_canceled
			t.Errorf("a statement of %s took too long:\n%s", p.name, tail(log, 4000))
		}
	}
}

// With 50,000 pending events, a write takes hardly longer than with none (invariant 12).
func TestPendingEventsDoNotSlowWritesDown(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith = s.startMonolith()
	rows(t, s.monolithDB, `VACUUM ANALYZE`)
	const writes = 40
	median := func(round string) time.Duration {
		times := make([]time.Duration, writes)
		for i := range times {
			began := time.Now()
			s.createProduct(fmt.Sprint(round, i))
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		return times[writes/2]
	}
	median("Warm up ")
	none := median("None pending ")
	s.kafka.Stop()
	manyrows.Fill(t, s.monolithDB, 50_000, "outbox_event")
	many := median("Many pending ")
	t.Logf("a write takes %s with no pending events, and %s with 50,000", none, many)
	if many > 3*none+20*time.Millisecond { // a sequential scan of the pending events takes longer, and a write had two
		t.Errorf("a write takes %s with no pending events, and %s with 50,000", none, many)
	}
}

// logSize returns the size of the server's log, with all statements that have ended. Another process writes the log, and may be
// late. It keeps the order, so a mark comes after them.
func logSize(t *testing.T, server *pgtest.Server, db string) (size int) {
	t.Helper()
	mark := "mark " + uuid.NewString()
	rows(t, db, `DO $$ BEGIN RAISE LOG '`+mark+`'; END $$`)
	eventually(t, "the mark is in the log", func() bool {
		text, err := os.ReadFile(server.LogPath())
		if err != nil {
			t.Fatal(err)
		}
		size = len(text)
		return strings.Contains(string(text), mark)
	})
	return size
}

// execution is one execution of a statement, as auto_explain logs it.
type execution struct {
	Text string   `json:"Query Text"`
	Plan planNode `json:"Plan"`
}

type planNode struct {
	Type  string     `json:"Node Type"`
	Rows  float64    `json:"Actual Rows"`
	Loops float64    `json:"Actual Loops"`
	Hit   int        `json:"Shared Hit Blocks"`
	Read  int        `json:"Shared Read Blocks"`
	Plans []planNode `json:"Plans"`
}

// given returns how many rows a statement was given or returned: what it may read grows with them.
func (n planNode) given() float64 {
	most := 0.0
	if slices.Contains([]string{"ProjectSet", "Function Scan", "Limit"}, n.Type) {
		most = n.Rows * n.Loops
	}
	for _, below := range n.Plans {
		most = max(most, below.given())
	}
	return most
}

// executed returns what the services have executed since the log had this size.
func executed(t *testing.T, server *pgtest.Server, db string, size int) (list []execution) {
	t.Helper()
	logSize(t, server, db)
	text, err := os.ReadFile(server.LogPath())
	if err != nil {
		t.Fatal(err)
	}
	entries := planOf.FindAllStringSubmatch(string(text[size:]), -1)
	for i, entry := range entries {
		var e execution
		if err := json.Unmarshal([]byte(entry[2]), &e); err != nil {
			if i == len(entries)-1 {
				break // it is not complete yet
			}
			t.Fatalf("%v in the server's log:\n%s", err, tail(entry[0], 2000))
		}
		if services := []string{"monolith", "catalog"}; slices.ContainsFunc(services, func(s string) bool { return strings.HasPrefix(entry[1], s) }) {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		t.Fatalf("the server's log has no plans:\n%s", tail(string(text), 2000))
	}
	return list
}

// planOf matches an entry of auto_explain in the server's log: the name of the application, and the plan as JSON.
var planOf = regexp.MustCompile(`(?m)^(.*): LOG:  duration: .* plan:\n((?:\t.*\n)+)`)

// fewBuffers fails the test for each statement that read more than index scans do. A table of 100,000 rows has more than 700
// buffers.
func fewBuffers(t *testing.T, when string, list []execution) {
	t.Helper()
	most := map[string]int{}
	for _, e := range list {
		buffers := e.Plan.Hit + e.Plan.Read
		most[e.Text] = max(most[e.Text], buffers)
		if float64(buffers) > 400+30*max(e.Plan.given(), e.Plan.Rows) && !readsWhole(e.Text) {
			text, _ := json.Marshal(e.Plan)
			t.Errorf("%s: %d buffers for %.0f rows:\n%s\n%s", when, buffers, max(e.Plan.given(), e.Plan.Rows), e.Text, tail(string(text), 1500))
		}
	}
	t.Logf("%s: %d executions of %d statements", when, len(list), len(most))
}

func readsWhole(statement string) bool {
	for part := range readWhole {
		if strings.Contains(statement, part) {
			return true
		}
	}
	return false
}

// workload calls all operations of both services. Each round needs an entry that both services know.
type workload struct {
	*system
	product place
	entries []string // the owner's ids
	legacy  []any    // the monolith's ids of the same entries
	called  map[string]bool
}

func newWorkload(s *system, rounds int) *workload {
	s.t.Helper()
	w := &workload{system: s, called: map[string]bool{}}
	product := s.createProduct("Chair")
	for n := range rounds {
		code := "A" + string(rune('A'+n))
		s.createMarket(code)
		w.product = s.place(product, code)
		w.entries = append(w.entries, s.createEntry(w.product.uuid, code)["id"].(string))
	}
	s.settled()
	for _, id := range w.entries {
		w.legacy = append(w.legacy, rows(s.t, s.monolithDB, `SELECT id FROM legacy_catalog_id WHERE entry_id = '`+id+`'`)[0])
	}
	return w
}

// do calls an operation, which must succeed.
func (w *workload) do(service, operation, method, path string, body any, header ...string) reply {
	w.t.Helper()
	p := w.monolith
	if service == "catalog" {
		p = w.catalog
	}
	r := call(w.t, method, p.url(path), body, header...)
	if r.status >= http.StatusBadRequest {
		w.t.Fatalf("%s %s: %d %s", service, operation, r.status, r.raw)
	}
	w.called[service+" "+operation] = true
	return r
}

// run calls each operation once.
func (w *workload) run(n int) {
	w.t.Helper()
	const api = "/catalog/api/v1"
	async := []string{"Prefer", "respond-async"}
	name := func(what string) map[string]any {
		return map[string]any{"name": fmt.Sprint(what, n), "product_category": "Tests"}
	}

	made := w.do("monolith", "createProduct", http.MethodPost, "/api/v1/product", name("Product "), "Idempotency-Key", fmt.Sprint(`"product-`, n, `"`)).object
	product := fmt.Sprint("/api/v1/product/", made["id"])
	w.do("monolith", "listProducts", http.MethodGet, "/api/v1/product?limit=20&product_category=Tests", nil)
	w.do("monolith", "listProducts", http.MethodGet, "/api/v1/product?limit=20&sort=-updated_at", nil)
	w.do("monolith", "getProduct", http.MethodGet, product, nil)
	w.do("monolith", "replaceProduct", http.MethodPut, product, name("Replaced "))
	w.do("monolith", "patchProduct", http.MethodPatch, product, name("Patched "))
	w.do("monolith", "deleteProduct", http.MethodDelete, product, nil)

	legacy := fmt.Sprint("/api/v1/catalog/", w.legacy[n])
	w.do("monolith", "listMarkets", http.MethodGet, "/api/v1/market?limit=20", nil)
	w.do("monolith", "listCatalog", http.MethodGet, "/api/v1/catalog?limit=20", nil)
	w.do("monolith", "listCatalog", http.MethodGet, fmt.Sprint("/api/v1/catalog?limit=20&product=", w.product.product), nil)
	w.do("monolith", "getCatalog", http.MethodGet, legacy, nil)
	w.do("monolith", "replaceCatalog", http.MethodPut, legacy, w.product.legacy(dates("2020-02-01", nil)), async...)
	w.do("monolith", "patchCatalog", http.MethodPatch, legacy, dates("2020-03-01", "2030-01-01"), async...)
	changed := w.do("monolith", "deleteCatalog", http.MethodDelete, legacy, nil, async...)
	w.do("monolith", "getCatalogChange", http.MethodGet, changed.header.Get("Location"), nil)

	code := "B" + string(rune('A'+n))
	w.do("catalog", "createMarket", http.MethodPost, api+"/markets", map[string]any{"iso_code": code, "name": "Market"}, "Idempotency-Key", fmt.Sprint(`"market-`, n, `"`))
	w.do("catalog", "listMarkets", http.MethodGet, api+"/markets?limit=20&sort=-updated_at", nil)
	w.do("catalog", "getMarket", http.MethodGet, api+"/markets/"+code, nil)
	w.do("catalog", "replaceMarket", http.MethodPut, api+"/markets/"+code, map[string]any{"name": "Replaced"})
	w.do("catalog", "patchMarket", http.MethodPatch, api+"/markets/"+code, map[string]any{"name": "Patched"})

	offered := w.do("catalog", "createEntry", http.MethodPost, api, map[string]any{"product": w.product.uuid, "market": code}, "Idempotency-Key", fmt.Sprint(`"entry-`, n, `"`)).object
	entry := fmt.Sprint(api, "/", offered["id"])
	w.do("catalog", "listEntries", http.MethodGet, api+"?limit=20&product="+w.product.uuid, nil)
	w.do("catalog", "listEntries", http.MethodGet, api+"?limit=20&market="+code, nil)
	w.do("catalog", "listEntries", http.MethodGet, api+"?limit=20&sort=-updated_at", nil)
	w.do("catalog", "getEntry", http.MethodGet, entry, nil)
	w.do("catalog", "replaceEntry", http.MethodPut, entry, map[string]any{"product": w.product.uuid, "market": code, "availability_date": "2020-01-01"})
	w.do("catalog", "patchEntry", http.MethodPatch, entry, dates("2020-03-01", nil))
	w.do("catalog", "deleteEntry", http.MethodDelete, entry, nil)
	w.do("catalog", "deleteMarket", http.MethodDelete, api+"/markets/"+code, nil)
	w.do("catalog", "listProducts", http.MethodGet, api+"/products?limit=20&sort=name", nil)
	w.do("catalog", "getProduct", http.MethodGet, api+"/products/"+w.product.uuid, nil)
	// The legacy API asks last: an entry in the same place exists.
	w.do("monolith", "createCatalog", http.MethodPost, "/api/v1/catalog", w.product.legacy(nil), "Prefer", "respond-async", "Idempotency-Key", fmt.Sprint(`"legacy-`, n, `"`))
}

var operationID = regexp.MustCompile(`operationId: (\w+)`)

// isComplete fails the test if an operation of a document was not called.
func (w *workload) isComplete() {
	w.t.Helper()
	for service, document := range services.OpenAPI(w.t) {
		for _, match := range operationID.FindAllStringSubmatch(string(document), -1) {
			if !w.called[service+" "+match[1]] {
				w.t.Errorf("the workload does not call %s of %s", match[1], service)
			}
		}
	}
}

package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// requestTimeout is far more than a request takes, and little to wait for where one hangs.
const requestTimeout = 2 * time.Second

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// server is the API on its real server and storage. Answers that the document does not allow fail the test.
type server struct {
	t       *testing.T
	url     string
	pool    *pgxpool.Pool
	storage *store.Store
	copies  *productcopy.Service
}

func setup(t *testing.T) *server {
	t.Helper()
	return serve(t, database(t))
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"})
}

// setupWithout has a database that nobody answers for.
func setupWithout(t *testing.T) *server {
	t.Helper()
	return serve(t, pgtest.Open(t, "postgres://nobody@127.0.0.1:1/none"))
}

func serve(t *testing.T, pool *pgxpool.Pool) *server {
	t.Helper()
	return serveAt(t, pool, time.Now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
}

// serveAt has a clock of its own, and ids that the test gives.
func serveAt(t *testing.T, pool *pgxpool.Pool, now func() time.Time, newID func() uuid.UUID) *server {
	t.Helper()
	storage := store.New(pool, store.Encode{Market: servicetest.Encode(t, asyncapi.Catalog, publish.Market), Entry: servicetest.Encode(t, asyncapi.Catalog, publish.Entry)}, func() {})
	entries := entry.NewService(storage.Entries(), now, newID)
	copies := productcopy.NewService(storage, entries)
	h := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), RequestTimeout: requestTimeout}, slog.New(slog.DiscardHandler))
	api := httpapi.New(entries, market.NewService(storage.Markets(), now, newID), copies)
	validator, err := oas.New(catalogapi.Document, oas.Config{MaxBody: 64 << 10, OnResponse: func(_ context.Context, err error) {
		t.Errorf("an answer that the document does not describe: %v", err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	api.Mount(h.Echo, validator.Middlewares())
	if err := validator.Verify(h.Echo, "/catalog/api/"); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(h.Handler())
	t.Cleanup(listening.Close)
	return &server{t: t, url: listening.URL, pool: pool, storage: storage, copies: copies}
}

// in is the same server for a subtest.
func (s *server) in(t *testing.T) *server {
	c := *s
	c.t = t
	return &c
}

// apply changes the copy as the consumer would.
func (s *server) apply(changes ...productcopy.ProductChange) {
	s.t.Helper()
	err := postgres.InTx(s.t.Context(), s.pool, func(tx pgx.Tx) error {
		return s.copies.ApplyProducts(s.t.Context(), s.storage.Bind(tx), changes)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// product makes a product known.
func (s *server) product(name string) uuid.UUID {
	s.t.Helper()
	id := uuid.Must(uuid.NewV7())
	s.apply(state(id, 1, name, false))
	return id
}

func state(id uuid.UUID, version int64, name string, discontinued bool) productcopy.ProductChange {
	return productcopy.ProductChange{
		ID: id, Change: copyrow.Change{Version: version, Time: noon},
		ProductData: productcopy.ProductData{Name: name, Category: "Furniture", Discontinued: discontinued, UpdatedAt: noon},
	}
}

func (s *server) get(path string, headers ...string) reply {
	return s.do(http.MethodGet, path, "", headers...)
}
func (s *server) delete(path string, headers ...string) reply {
	return s.do(http.MethodDelete, path, "", headers...)
}
func (s *server) post(path, body string, headers ...string) reply {
	return s.do(http.MethodPost, path, body, headers...)
}
func (s *server) put(path, body string, headers ...string) reply {
	return s.do(http.MethodPut, path, body, headers...)
}
func (s *server) patch(path, body string, headers ...string) reply {
	return s.do(http.MethodPatch, path, body, headers...)
}

// do sends a request. headers are names and values in turn; the body's media type is the method's usual one.
func (s *server) do(method, path, body string, headers ...string) reply {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	switch {
	case req.Header.Get("Content-Type") != "":
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case method == http.MethodPost, method == http.MethodPut:
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
		return reply{t: s.t}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
	}
	return reply{t: s.t, request: method + " " + path, status: res.StatusCode, headers: res.Header, text: string(text)}
}

type reply struct {
	t       *testing.T
	request string
	status  int
	headers http.Header
	text    string
}

func (r reply) header(name string) string { return r.headers.Get(name) }

func (r reply) must(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: %d, want %d\n%s", r.request, r.status, status, r.text)
	}
	return r
}

// problem fails unless the answer is a problem of that status and name.
func (r reply) problem(status int, name string) {
	r.t.Helper()
	r.must(status)
	p := r.object()
	if r.header("Content-Type") != "application/problem+json" || p["type"] != httpserver.ProblemBase+name ||
		p["status"] != float64(status) || p["request_id"] != r.header("X-Request-Id") || p["request_id"] == "" {
		r.t.Errorf("%s: %s %s, want %s", r.request, r.header("Content-Type"), r.text, name)
	}
	if strings.Contains(r.text, "SQLSTATE") || strings.Contains(r.text, "pgx") {
		r.t.Errorf("an internal message: %s", r.text)
	}
}

// pointers are those of the faults, sorted.
func (r reply) pointers() string {
	r.t.Helper()
	var list []string
	faults, _ := r.object()["errors"].([]any)
	for _, f := range faults {
		list = append(list, f.(map[string]any)["pointer"].(string))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// names are the names of all listed items.
func (r reply) names() string {
	r.t.Helper()
	var names []string
	for _, item := range r.list() {
		names = append(names, item["name"].(string))
	}
	return strings.Join(names, "|")
}

// next returns the target of Link rel="next", or "".
func (r reply) next() string {
	r.t.Helper()
	link := r.header("Link")
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(link, `>; rel="next"`)
	if !ok || !strings.HasPrefix(target, "</") {
		r.t.Fatalf("Link %s", link)
	}
	return target[1:]
}

func (r reply) object() map[string]any {
	r.t.Helper()
	var v map[string]any
	r.decode(&v)
	return v
}

func (r reply) list() []map[string]any {
	r.t.Helper()
	var v []map[string]any
	r.decode(&v)
	return v
}

func (r reply) decode(into any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.text), into); err != nil {
		r.t.Fatalf("%s: %v\n%s", r.request, err, r.text)
	}
}

package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	"golang.org/x/sync/errgroup"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/httpapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// requestTimeout is far more than a request takes, and little to wait for where one hangs.
const requestTimeout = 2 * time.Second

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	day  = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

// server is the API on its real server and storage. Answers that the document does not allow fail the test.
type server struct {
	t        *testing.T
	url      string
	pool     *pgxpool.Pool
	products *product.Service
}

func setup(t *testing.T) *server {
	t.Helper()
	return serve(t, database(t))
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
}

// setupWithout has a database that nobody answers for.
func setupWithout(t *testing.T) *server {
	t.Helper()
	return serve(t, pgtest.Open(t, "postgres://nobody@127.0.0.1:1/none"))
}

func serve(t *testing.T, pool *pgxpool.Pool) *server {
	t.Helper()
	return serveWith(t, pool, refused(t))
}

// refused fails the test on an answer that the document does not allow.
func refused(t *testing.T) func(context.Context, error) {
	return func(_ context.Context, err error) { t.Errorf("the document does not allow this answer: %v", err) }
}

func serveWith(t *testing.T, pool *pgxpool.Pool, onResponse func(ctx context.Context, err error)) *server {
	t.Helper()
	return serveAt(t, pool, onResponse, time.Now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
}

// serveAt has a clock of its own, and ids that the test gives.
func serveAt(t *testing.T, pool *pgxpool.Pool, onResponse func(ctx context.Context, err error), now func() time.Time, newID func() uuid.UUID) *server {
	t.Helper()
	storage := store.New(pool, servicetest.Encode(t, asyncapi.Monolith, publish.Product), idempotency.Keys{}, func() {})
	products := product.NewService(storage, now, newID)
	h := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), RequestTimeout: requestTimeout}, slog.New(slog.DiscardHandler))
	api := httpapi.New(products, catalogcopy.NewService(storage), time.Minute)
	validator, err := oas.New(monolithapi.Document, oas.Config{MaxBody: 64 << 10, OnResponse: onResponse})
	if err != nil {
		t.Fatal(err)
	}
	api.Mount(h.Echo, validator.Middlewares())
	if err := validator.Verify(h.Echo, "/api/"); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(h.Handler())
	t.Cleanup(listening.Close)
	return &server{t: t, url: listening.URL, pool: pool, products: products}
}

// in is the same server for a subtest.
func (s *server) in(t *testing.T) *server {
	c := *s
	c.t = t
	return &c
}

// apply changes copies as the consumer would.
func (s *server) apply(f func(tx catalogcopy.Tx) error) {
	s.t.Helper()
	if err := postgres.InTx(s.t.Context(), s.pool, func(tx pgx.Tx) error { return f(store.Bind(tx)) }); err != nil {
		s.t.Fatal(err)
	}
}

// createMany makes n products, in no particular order.
func (s *server) createMany(n int) {
	s.t.Helper()
	var all errgroup.Group
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error {
			_, err := s.products.Create(s.t.Context(), product.Draft{Name: fmt.Sprintf("item %d", i), Category: "many"}, nil)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		s.t.Fatal(err)
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

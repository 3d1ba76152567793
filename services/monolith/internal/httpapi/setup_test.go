package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
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
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
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

// requestTimeout is much longer than a request takes, and short enough to wait for a request that hangs.
const requestTimeout = 2 * time.Second

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	day  = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

// server is the API on its real server and storage. Answers that do not match the document fail the test.
type server struct {
	apitest.Client
	pool     *pgxpool.Pool
	products *product.Service
	waiters  *wakeup.Waiters
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

// setupWithout has an address of a database at which no server listens.
func setupWithout(t *testing.T) *server {
	t.Helper()
	return serve(t, pgtest.Open(t, "postgres://nobody@127.0.0.1:1/none"))
}

func serve(t *testing.T, pool *pgxpool.Pool) *server {
	t.Helper()
	return serveWith(t, pool, refused(t))
}

// refused fails the test for an answer that does not match the document.
func refused(t *testing.T) func(context.Context, error) {
	return func(_ context.Context, err error) { t.Errorf("this answer does not match the document: %v", err) }
}

func serveWith(t *testing.T, pool *pgxpool.Pool, onResponse func(ctx context.Context, err error)) *server {
	t.Helper()
	return serveAt(t, pool, onResponse, time.Now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
}

// serveAt takes the clock and the source of ids from the test.
func serveAt(t *testing.T, pool *pgxpool.Pool, onResponse func(ctx context.Context, err error), now func() time.Time, newID func() uuid.UUID) *server {
	t.Helper()
	storage := store.New(pool, servicetest.Encode(t, asyncapi.Monolith, publish.Product), idempotency.Keys{}, func() {})
	products := product.NewService(storage, now, newID)
	h := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), RequestTimeout: requestTimeout}, slog.New(slog.DiscardHandler))
	copies, waiters := catalogcopy.NewService(storage), wakeup.New(pool, wakeup.Config{}, slog.New(slog.DiscardHandler))
	waiters.Register(httpapi.EntryCopy, wakeup.UUIDs(copies.EntryVersions))
	api := httpapi.New(products, copies, httpserver.Freshness{Waiters: waiters, MaxWait: maxWait}, time.Minute)
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
	return &server{Client: apitest.Client{T: t, URL: listening.URL}, pool: pool, products: products, waiters: waiters}
}

// in returns the same server for a subtest.
func (s *server) in(t *testing.T) *server {
	c := *s
	c.T = t
	return &c
}

// apply changes copies as the consumer does.
func (s *server) apply(f func(tx catalogcopy.Tx) error) {
	s.T.Helper()
	if err := postgres.InTx(s.T.Context(), s.pool, func(tx pgx.Tx) error { return f(store.Bind(tx)) }); err != nil {
		s.T.Fatal(err)
	}
}

// createMany creates n products, in no particular order.
func (s *server) createMany(n int) {
	s.T.Helper()
	var all errgroup.Group
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error {
			_, err := s.products.Create(s.T.Context(), product.Draft{Name: fmt.Sprintf("item %d", i), Category: "many"}, nil)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		s.T.Fatal(err)
	}
}

// maxWait is the longest wait that the server grants. It is longer than requestTimeout, which a wait does not use up.
const maxWait = 20 * time.Second

// getWaiting sends a GET that has to wait, and lets change happen meanwhile.
func (s *server) getWaiting(path string, change func(), headers ...string) apitest.Reply {
	s.T.Helper()
	reply := make(chan apitest.Reply, 1)
	servicetest.Run(s.T, s.waiters.Run)
	go func() { reply <- s.Get(path, headers...) }()
	for limit := time.Now().Add(maxWait); s.waiters.Waiting() == 0; {
		if time.Now().After(limit) {
			s.T.Fatal("the request does not wait")
		}
		time.Sleep(time.Millisecond)
	}
	change()
	return <-reply
}

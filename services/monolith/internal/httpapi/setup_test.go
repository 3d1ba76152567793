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
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/httpapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
	historysql "github.com/monsplit/monsplit/sql/history"
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
	wake     chan struct{} // holds a token if something was appended to the outbox
	registry *prometheus.Registry
}

func setup(t *testing.T) *server {
	t.Helper()
	return serve(t, database(t))
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
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
	return serveBy(t, pool, func(o *options) { o.onResponse, o.now, o.newID = onResponse, now, newID })
}

// options are what a test can choose about its server.
type options struct {
	onResponse func(ctx context.Context, err error)
	now        func() time.Time
	newID      func() uuid.UUID
	changes    catalogchange.Config
	api        httpapi.Config
	admission  admission.Settings
}

// serveBy lets the test choose. Changes of the catalog wait longer than any test takes.
func serveBy(t *testing.T, pool *pgxpool.Pool, choose func(*options)) *server {
	t.Helper()
	o := options{
		onResponse: refused(t), now: time.Now, newID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
		changes: catalogchange.Config{Expiry: 7 * 24 * time.Hour},
		api:     httpapi.Config{Stream: httpserver.StreamLimits{Part: time.Minute, Total: time.Minute}, ChangeWait: time.Minute, MaxWait: time.Minute},
	}
	choose(&o)
	log := slog.New(slog.DiscardHandler)
	s := &server{pool: pool, waiters: wakeup.New(pool, wakeup.Config{}, log), wake: make(chan struct{}, 1), registry: prometheus.NewRegistry()}
	storage := store.New(pool, store.Encode{
		Product: servicetest.Encode(t, asyncapi.Monolith, publish.Product), Change: servicetest.Encode(t, asyncapi.Monolith, publish.Change),
	}, idempotency.Keys{}, s.woken)
	s.waiters.Register(catalogchange.KindRequest, wakeup.UUIDs(request.Lookup(pool)))
	s.waiters.Register(catalogchange.KindCopy, wakeup.UUIDs(storage.EntryVersions))
	s.background(t, s.waiters.Run)
	s.products = product.NewService(storage, o.now, o.newID)
	h := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), RequestTimeout: requestTimeout}, log)
	calls := httpapi.NewCalls("test")
	s.registry.MustRegister(calls)
	changes := catalogchange.NewService(storage.Changes(), s.waiters, o.changes, o.now, o.newID)
	api := httpapi.New(s.products, catalogcopy.NewService(storage), changes,
		httpserver.Freshness{Waiters: s.waiters, MaxWait: o.api.MaxWait}, calls, o.api)
	validator, err := oas.New(monolithapi.Document, oas.Config{
		MaxBody: 64 << 10, OnResponse: o.onResponse, Admit: admission.New(o.admission, admission.Entities{}).Enter,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := validator.Mount(h.Echo, api, "/api/"); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(h.Handler())
	t.Cleanup(listening.Close)
	s.Client = apitest.Client{T: t, URL: listening.URL}
	return s
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

// getWaiting sends a GET that has to wait, and lets change happen meanwhile.
func (s *server) getWaiting(path string, change func(), headers ...string) apitest.Reply {
	s.T.Helper()
	reply := make(chan apitest.Reply, 1)
	go func() { reply <- s.Get(path, headers...) }()
	kafkatest.Eventually(s.T, "the request waits", func() bool { return s.waiters.Waiting() > 0 })
	change()
	return <-reply
}

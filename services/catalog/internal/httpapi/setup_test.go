package httpapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
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
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// requestTimeout is much longer than a request takes, and short enough to wait for a request that hangs.
const requestTimeout = 2 * time.Second

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// server is the API on its real server and storage. Answers that do not match the document fail the test.
type server struct {
	apitest.Client
	pool    *pgxpool.Pool
	storage *store.Store
	copies  *productcopy.Service
	waiters *wakeup.Waiters
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
		postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"})
}

// setupWithout has an address of a database at which no server listens.
func setupWithout(t *testing.T) *server {
	t.Helper()
	return serve(t, pgtest.Open(t, "postgres://nobody@127.0.0.1:1/none"))
}

func serve(t *testing.T, pool *pgxpool.Pool) *server {
	t.Helper()
	return serveAt(t, pool, time.Now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
}

// serveAt takes the clock and the source of ids from the test.
func serveAt(t *testing.T, pool *pgxpool.Pool, now func() time.Time, newID func() uuid.UUID) *server {
	t.Helper()
	storage := store.New(pool, store.Encode{Market: servicetest.Encode(t, asyncapi.Catalog, publish.Market), Entry: servicetest.Encode(t, asyncapi.Catalog, publish.Entry)}, idempotency.Keys{}, func() {})
	entries := entry.NewService(storage.Entries(), now, newID)
	copies := productcopy.NewService(storage, entries)
	h := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), RequestTimeout: requestTimeout}, slog.New(slog.DiscardHandler))
	waiters := wakeup.New(pool, wakeup.Config{}, slog.New(slog.DiscardHandler))
	waiters.Register(httpapi.ProductCopy, wakeup.UUIDs(copies.Versions))
	api := httpapi.New(entries, market.NewService(storage.Markets(), now, newID), copies, httpserver.Freshness{Waiters: waiters, MaxWait: maxWait})
	validator, err := oas.New(catalogapi.Document, oas.Config{MaxBody: 64 << 10, OnResponse: func(_ context.Context, err error) {
		t.Errorf("this answer does not match the document: %v", err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := validator.Mount(h.Echo, api, "/catalog/api/"); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(h.Handler())
	t.Cleanup(listening.Close)
	return &server{Client: apitest.Client{T: t, URL: listening.URL}, pool: pool, storage: storage, copies: copies, waiters: waiters}
}

// in returns the same server for a subtest.
func (s *server) in(t *testing.T) *server {
	c := *s
	c.T = t
	return &c
}

// apply applies changes to the copy, as the consumer does.
func (s *server) apply(changes ...productcopy.ProductChange) {
	s.T.Helper()
	err := postgres.InTx(s.T.Context(), s.pool, func(tx pgx.Tx) error {
		return s.copies.ApplyProducts(s.T.Context(), s.storage.Bind(tx), changes)
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// product adds a product to the copy.
func (s *server) product(name string) uuid.UUID {
	s.T.Helper()
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

// maxWait is the longest wait that the server grants. It is longer than requestTimeout, which a wait does not use up.
const maxWait = 20 * time.Second

// getWaiting sends a GET that has to wait, and lets change happen meanwhile.
func (s *server) getWaiting(path string, change func(), headers ...string) apitest.Reply {
	s.T.Helper()
	reply := make(chan apitest.Reply, 1)
	servicetest.Run(s.T, s.waiters.Run)
	go func() { reply <- s.Get(path, headers...) }()
	kafkatest.Eventually(s.T, "the request waits", func() bool { return s.waiters.Waiting() > 0 })
	change()
	return <-reply
}

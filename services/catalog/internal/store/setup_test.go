package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

type bundle struct {
	pool     *pgxpool.Pool
	store    *store.Store
	markets  *market.Service
	entries  *entry.Service
	products *productcopy.Service
	woken    atomic.Int32
	now      func() time.Time
}

// setup returns an empty database and the services on it. Their clock moves on by a second each time it is read.
func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	b.pool = pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"})
	b.store = store.New(b.pool, store.Encode{Market: servicetest.Encode(t, asyncapi.Catalog, publish.Market), Entry: servicetest.Encode(t, asyncapi.Catalog, publish.Entry)}, idempotency.Keys{}, func() { b.woken.Add(1) })
	var ticks atomic.Int64
	b.now = func() time.Time {
		return time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC).Add(time.Duration(ticks.Add(1)) * time.Second)
	}
	b.markets = market.NewService(b.store.Markets(), b.now, newID)
	b.entries = b.entriesOn(b.store.Entries())
	b.products = productcopy.NewService(b.store, b.entries)
	return b
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (b *bundle) entriesOn(s entry.Store) *entry.Service { return entry.NewService(s, b.now, newID) }

func (b *bundle) market(t *testing.T, isoCode string) market.Market {
	t.Helper()
	m, err := b.markets.Create(t.Context(), market.Draft{ISOCode: isoCode, Name: "Market " + isoCode}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// product adds a product to the copy, at version 1.
func (b *bundle) product(t *testing.T) uuid.UUID {
	t.Helper()
	id := newID()
	b.apply(t, state(id, 1, "Chair", false))
	return id
}

func (b *bundle) entry(t *testing.T, product uuid.UUID, isoCode, start, end string) entry.Entry {
	t.Helper()
	e, err := b.entries.Create(t.Context(), draft(product, isoCode, start, end), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// inTx runs f in a transaction, as the consumer does.
func (b *bundle) inTx(ctx context.Context, f func(productcopy.Tx) error) error {
	return postgres.InTx(ctx, b.pool, func(tx pgx.Tx) error { return f(b.store.Bind(tx)) })
}

// apply applies changes to the copy, as the consumer does.
func (b *bundle) apply(t *testing.T, changes ...productcopy.ProductChange) {
	t.Helper()
	err := b.inTx(t.Context(), func(tx productcopy.Tx) error { return b.products.ApplyProducts(t.Context(), tx, changes) })
	if err != nil {
		t.Fatal(err)
	}
}

var day = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func state(id uuid.UUID, version int64, name string, discontinued bool) productcopy.ProductChange {
	at := day.Add(time.Duration(version) * time.Minute)
	return productcopy.ProductChange{
		ID: id, Change: copyrow.Change{Version: version, Time: at},
		ProductData: productcopy.ProductData{Name: name, Category: "Furniture", Discontinued: discontinued, UpdatedAt: at},
	}
}

func deleted(id uuid.UUID, version int64) productcopy.ProductChange {
	c := productcopy.ProductChange{ID: id}
	c.Version, c.Time, c.Deleted = version, day.Add(time.Duration(version)*time.Minute), true
	return c
}

func draft(product uuid.UUID, isoCode, start, end string) entry.Draft {
	return entry.Draft{Product: product, Market: isoCode, Start: date(start), End: date(end)}
}

func date(s string) entry.Date {
	if s == "" {
		return entry.Date{}
	}
	d, err := entry.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// events returns the events of the key in the outbox as "type version", in the order of the log.
func (b *bundle) events(t *testing.T, key string) string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "SELECT type, version FROM outbox_event WHERE key = $1 ORDER BY seq", key)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var typ string
		var version int64
		err := row.Scan(&typ, &version)
		return fmt.Sprintf("%s %d", strings.Split(typ, ".")[2], version), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, ", ")
}

// untilBlocked waits until a transaction in the test's database waits for a lock.
func (b *bundle) untilBlocked(t *testing.T) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		var waiting bool
		err := b.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting {
			return
		}
		select {
		case <-deadline.C:
			t.Fatal("no transaction waits for a lock")
		case <-tick.C:
		}
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	if e, ok := apperr.As(err); ok {
		got = e.Name()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

// errOf returns the error of a call whose result does not matter.
func errOf[T any](_ T, err error) error { return err }

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
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

type bundle struct {
	pool     *pgxpool.Pool
	store    *store.Store
	products *product.Service
	copies   *catalogcopy.Service
	changes  *catalogchange.Service
	woken    atomic.Int32
}

// setup returns an empty database and the services on it. Their clock moves on by a second each time it is read.
func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	b.pool = pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
	b.store = store.New(b.pool, store.Encode{
		Product: servicetest.Encode(t, asyncapi.Monolith, publish.Product), Change: servicetest.Encode(t, asyncapi.Monolith, publish.Change),
	}, idempotency.Keys{}, func() { b.woken.Add(1) })
	var ticks atomic.Int64
	now := func() time.Time {
		return time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC).Add(time.Duration(ticks.Add(1)) * time.Second)
	}
	b.products = product.NewService(b.store, now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
	b.copies = catalogcopy.NewService(b.store)
	b.changes = catalogchange.NewService(b.store.Changes(), nil, catalogchange.Config{Expiry: time.Hour}, now, func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
	return b
}

func (b *bundle) create(t *testing.T, name, category string) product.Product {
	t.Helper()
	p, err := b.products.Create(t.Context(), product.Draft{Name: name, Category: category}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
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
		return fmt.Sprintf("%s %d", strings.TrimSuffix(strings.TrimPrefix(typ, "monsplit.product."), ".v1"), version), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, ", ")
}

// apply runs f in a transaction, as the consumer does.
func (b *bundle) apply(ctx context.Context, f func(tx catalogcopy.Tx) error) error {
	return postgres.InTx(ctx, b.pool, func(tx pgx.Tx) error { return f(store.Bind(tx)) })
}

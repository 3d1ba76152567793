package adminpages_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/adminpages"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// bundle is the monolith's admin pages on a real database.
type bundle struct {
	*admintest.Site
	lists    []adminui.Resource
	pool     *pgxpool.Pool
	products *product.Service
	store    *store.Store
	owner    *owner
}

// owner is the catalog service. A test sets how it decides.
type owner struct {
	decide func(ctx context.Context, kind, id string) error // nil: it does not answer
}

// Wait implements catalogchange.Waiter.
func (o *owner) Wait(ctx context.Context, kind, id string, _ int64) error {
	if o.decide == nil {
		return context.DeadlineExceeded
	}
	return o.decide(ctx, kind, id)
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return serve(t, database(t))
}

// database returns an empty database of the monolith.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations,
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
}

func serve(t *testing.T, pool *pgxpool.Pool) *bundle {
	t.Helper()
	storage := store.New(pool, store.Encode{
		Product: servicetest.Encode(t, asyncapi.Monolith, publish.Product), Change: servicetest.Encode(t, asyncapi.Monolith, publish.Change),
	}, idempotency.Keys{}, func() {})
	products := product.NewService(storage, time.Now, uuid.New)
	copies, owner := catalogcopy.NewService(storage), &owner{}
	changes := catalogchange.NewService(storage.Changes(), owner, catalogchange.Config{Expiry: time.Hour}, time.Now, uuid.New)
	lists := adminpages.Resources(adminpages.Config{
		Products: products, Copies: copies, Changes: changes, Wait: time.Minute, Now: time.Now, EntryTopic: "monsplit.catalog-entry.v1", MarketTopic: "monsplit.market.v1",
	})
	return &bundle{admintest.Serve(t, pool, lists...), lists, pool, products, storage, owner}
}

// create creates products of one category.
func (b *bundle) create(category string, names ...string) (all []product.Product) {
	b.Helper()
	for _, name := range names {
		p, err := b.products.Create(b.Context(), product.Draft{Name: name, Category: category}, nil)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// events returns how many events were appended to the outbox.
func (b *bundle) events() (n int) {
	b.Helper()
	if err := b.pool.QueryRow(b.Context(), `SELECT count(*) FROM outbox_event`).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

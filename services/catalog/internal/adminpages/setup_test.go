package adminpages_test

import (
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
	"github.com/monsplit/monsplit/services/catalog/internal/adminpages"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// today is the day on which the pages are looked at.
var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// The copies of products that each test has.
var (
	desk = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	lamp = uuid.MustParse("00000000-0000-4000-8000-000000000002") // discontinued
)

// bundle is the catalog's admin pages on a real database.
type bundle struct {
	*admintest.Site
	lists   []adminui.Resource
	pool    *pgxpool.Pool
	entries *entry.Service
	markets *market.Service
}

func setup(t *testing.T) *bundle {
	t.Helper()
	pool := database(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO product_copy (id, version, name, product_category, discontinued, updated_at, applied_at)
		VALUES ($1, 1, 'Desk', 'Furniture', false, now(), now()), ($2, 3, 'Lamp', 'Light', true, now(), now())`, desk, lamp); err != nil {
		t.Fatal(err)
	}
	return serve(t, pool)
}

// database returns an empty database of the catalog.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations,
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"})
}

func serve(t *testing.T, pool *pgxpool.Pool) *bundle {
	t.Helper()
	storage := store.New(pool, store.Encode{
		Market: servicetest.Encode(t, asyncapi.Catalog, publish.Market), Entry: servicetest.Encode(t, asyncapi.Catalog, publish.Entry),
	}, idempotency.Keys{}, func() {})
	entries := entry.NewService(storage.Entries(), time.Now, uuid.New)
	markets := market.NewService(storage.Markets(), time.Now, uuid.New)
	products := productcopy.NewService(storage, entries)
	lists := adminpages.Resources(adminpages.Config{
		Entries: entries, Markets: markets, Products: products, ProductTopic: "monsplit.product.v1", Now: func() time.Time { return today },
	})
	return &bundle{admintest.Serve(t, pool, lists...), lists, pool, entries, markets}
}

// market creates markets.
func (b *bundle) market(codes ...string) {
	b.Helper()
	for _, code := range codes {
		if _, err := b.markets.Create(b.Context(), market.Draft{ISOCode: code, Name: "Market " + code}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// entry creates an entry of the desk.
func (b *bundle) entry(market, start, end string) entry.Entry {
	b.Helper()
	d := entry.Draft{Product: desk, Market: market}
	if err := d.Start.UnmarshalText([]byte(start)); err != nil {
		b.Fatal(err)
	}
	if err := d.End.UnmarshalText([]byte(end)); err != nil {
		b.Fatal(err)
	}
	e, err := b.entries.Create(b.Context(), d, nil)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

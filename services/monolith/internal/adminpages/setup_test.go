package adminpages_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/adminpages"
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
	pool     *pgxpool.Pool
	products *product.Service
}

func setup(t *testing.T) *bundle {
	t.Helper()
	pool := pgtest.New(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations,
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
	storage := store.New(pool, store.Encode{
		Product: servicetest.Encode(t, asyncapi.Monolith, publish.Product), Change: servicetest.Encode(t, asyncapi.Monolith, publish.Change),
	}, idempotency.Keys{}, func() {})
	products := product.NewService(storage, time.Now, uuid.New)
	site := admintest.Serve(t, pool, adminpages.Resources(products, catalogcopy.NewService(storage))...)
	return &bundle{site, pool, products}
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

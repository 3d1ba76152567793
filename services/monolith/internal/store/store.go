// Package store keeps the monolith's data in PostgreSQL.
package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// Store implements the storage that the service's business packages declare.
type Store struct {
	pool   postgres.DB
	q      *db.Queries
	encode Encode
	keys   idempotency.Keys
	wake   func()
}

var (
	_ product.Store     = (*Store)(nil)
	_ catalogcopy.Store = (*Store)(nil)
)

// Encode turns what business code announces into messages.
type Encode struct {
	Product func(product.Event) (event.Message, error)
	Change  func(catalogchange.Request) (event.Message, error)
}

// New returns a Store. It encodes events and requests when it appends them to the outbox. It calls wake after each commit that
// appended some.
func New(pool postgres.DB, encode Encode, keys idempotency.Keys, wake func()) *Store {
	return &Store{pool: pool, q: db.New(pool), encode: encode, keys: keys, wake: wake}
}

// InTx implements product.Store.
func (s *Store) InTx(ctx context.Context, f func(product.Tx) error) error {
	appended := false
	err := postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		t := &productTx{tx: tx, q: db.New(tx), encode: s.encode.Product, keys: s.keys, history: history.In(tx)}
		err := f(t)
		appended = t.appended
		return err
	})
	if err != nil {
		return translate(err)
	}
	if appended {
		s.wake() // so that the events are published now, and not only at the next sweep
	}
	return nil
}

// translate turns a broken constraint into the error of its business rule, and an unreachable database into Unavailable.
func translate(err error) error {
	return postgres.Translate(err, map[string]*apperr.Error{
		"product_name_category": product.NameTaken(),
		// Two concurrent imports of the same new id.
		"product_product_uuid_key": apperr.Coded(apperr.Conflict, "product-exists", "There is already a product with this id."),
	})
}

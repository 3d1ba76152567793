package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// Product implements product.Store.
func (s *Store) Product(ctx context.Context, id int64) (product.Product, error) {
	row, err := s.q.GetProduct(ctx, id)
	if err != nil {
		return product.Product{}, translate(noProduct(err, id))
	}
	return toProduct(row), nil
}

// ProductsNamed implements product.Store.
func (s *Store) ProductsNamed(ctx context.Context, names []product.Name) (map[product.Name]uuid.UUID, error) {
	texts, categories := make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		texts[i], categories[i] = n.Name, n.Category
	}
	rows, err := s.q.ProductsNamed(ctx, texts, categories)
	if err != nil {
		return nil, translate(fmt.Errorf("look for products by name: %w", err))
	}
	taken := make(map[product.Name]uuid.UUID, len(rows))
	for _, row := range rows {
		taken[product.Name{Name: row.Name, Category: row.ProductCategory}] = row.ProductUUID
	}
	return taken, nil
}

// productTx is one transaction that changes products.
type productTx struct {
	tx       pgx.Tx
	q        *db.Queries
	encode   func(product.Event) (event.Message, error)
	keys     idempotency.Keys
	history  *history.Recorder
	appended bool
}

func (t *productTx) Recall(ctx context.Context, once condition.Once) (first product.Product, found bool, err error) {
	found, err = t.keys.Recall(ctx, t.tx, once.ID, once.Fingerprint, &first)
	return first, found, err
}

func (t *productTx) Remember(ctx context.Context, once condition.Once, p product.Product) error {
	return t.keys.Remember(ctx, t.tx, once.ID, once.Fingerprint, p)
}

func (t *productTx) LockProduct(ctx context.Context, id int64) (product.Product, error) {
	row, err := t.q.LockProduct(ctx, id)
	if err != nil {
		return product.Product{}, noProduct(err, id)
	}
	return t.locked(row), nil
}

func (t *productTx) LockProductByUUID(ctx context.Context, id uuid.UUID) (product.Product, bool, error) {
	return t.found(t.q.LockProductByUUID(ctx, id))
}

func (t *productTx) LockProductByName(ctx context.Context, name product.Name) (product.Product, bool, error) {
	return t.found(t.q.LockProductByName(ctx, name.Name, name.Category))
}

func (t *productTx) InsertProduct(ctx context.Context, p product.Product) (product.Product, error) {
	id, err := t.q.InsertProduct(ctx, db.InsertProductParams{
		ProductUUID: p.UUID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued, Deleted: p.Deleted,
		Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	})
	if err != nil {
		return product.Product{}, fmt.Errorf("insert product: %w", err)
	}
	p.ID = id
	return p, nil
}

func (t *productTx) SaveProduct(ctx context.Context, p product.Product) error {
	err := t.q.UpdateProduct(ctx, db.UpdateProductParams{
		ID: p.ID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued, Deleted: p.Deleted,
		Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("save product %d: %w", p.ID, err)
	}
	return nil
}

func (t *productTx) Append(ctx context.Context, e product.Event) error {
	m, err := t.encode(e)
	if err != nil {
		return err
	}
	t.appended = true
	return translateAppend(t.history.Append(ctx, productChange(string(e.Kind), e.Product, e.Time, m)))
}

// translateAppend makes an error of the caller's input out of a message that is too large.
func translateAppend(err error) error {
	if tooLarge, is := errors.AsType[*outbox.TooLargeError](err); is {
		return apperr.New(apperr.Invalid, tooLarge.Error())
	}
	return err
}

func (t *productTx) found(row db.Product, err error) (product.Product, bool, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return product.Product{}, false, nil
	case err != nil:
		return product.Product{}, false, fmt.Errorf("lock product: %w", err)
	}
	return t.locked(row), true, nil
}

// locked returns a product that was locked, and notes it for the history.
func (t *productTx) locked(row db.Product) product.Product {
	p := toProduct(row)
	t.history.Seen(productObject(p), productState(p))
	return p
}

func noProduct(err error, id int64) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return apperr.New(apperr.NotFound, fmt.Sprintf("There is no product %d.", id))
	}
	return fmt.Errorf("read product %d: %w", id, err)
}

func toProduct(row db.Product) product.Product {
	return product.Product{
		ID: row.ID, UUID: row.ProductUUID,
		Draft:   product.Draft{Name: row.Name, Category: row.ProductCategory, Discontinued: row.Discontinued},
		Deleted: row.Deleted, Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

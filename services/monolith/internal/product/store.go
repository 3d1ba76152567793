package product

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is the storage that this package needs. Its methods do not find deleted products, except where they say so.
type Store interface {
	// Product fails with NotFound if there is no such product.
	Product(ctx context.Context, id int64) (Product, error)
	// Products yields the products of the query in its order. It reads while the caller iterates. An error is the last pair.
	Products(ctx context.Context, q Query) iter.Seq2[Product, error]
	// ProductsByID returns the products with these ids. Those that do not exist are missing in the map.
	ProductsByID(ctx context.Context, ids []int64) (map[int64]Product, error)
	// CountProducts returns how many products each query has, but never more than most, or only the first ones if that takes too long.
	CountProducts(ctx context.Context, queries []Query, most int) ([]int, error)
	// Categories returns the first categories in the order of their names.
	Categories(ctx context.Context, most int) ([]string, error)
	// ProductsNamed returns which of the names are taken, and by which product.
	ProductsNamed(ctx context.Context, names []Name) (map[Name]uuid.UUID, error)
	// InTx runs f in one transaction. It may run f again from the start after a serialization failure or a deadlock. The
	// changes of f and the events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage in one transaction. Locks are held until the transaction ends.
type Tx interface {
	// Recall returns the first answer to the request that once identifies, if there was one. It fails with InProgress while
	// the first request is still running, and with Invalid if the body differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Product, found bool, err error)
	// Remember keeps p as the answer to the request that once identifies.
	Remember(ctx context.Context, once condition.Once, p Product) error

	// LockProduct fails with NotFound if there is no such product.
	LockProduct(ctx context.Context, id int64) (Product, error)
	// LockProductByUUID finds deleted products too.
	LockProductByUUID(ctx context.Context, id uuid.UUID) (p Product, found bool, err error)
	LockProductByName(ctx context.Context, name Name) (p Product, found bool, err error)

	// InsertProduct returns p with its new id. InsertProduct and SaveProduct fail with Conflict if the name is taken. The
	// transaction commits only with the event of the change.
	InsertProduct(ctx context.Context, p Product) (Product, error)
	SaveProduct(ctx context.Context, p Product) error
	Append(ctx context.Context, e Event) error
}

// Name is unique among products that are not deleted.
type Name struct{ Name, Category string }

func (d Draft) name() Name { return Name{d.Name, d.Category} }

// NameTaken is the Conflict that a store returns if another product of the category has the name.
func NameTaken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "product-exists", "There is already a product with this name in this category.")
}

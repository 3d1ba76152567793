package product

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is what this package needs from storage. Deleted products are hidden where nothing else is said.
type Store interface {
	// Product fails with NotFound where there is none.
	Product(ctx context.Context, id int64) (Product, error)
	// Products yields the products of the query in its order, reading as it is consumed. An error is the last pair.
	Products(ctx context.Context, q Query) iter.Seq2[Product, error]
	// ProductsNamed returns those of the names that are taken, and by which product.
	ProductsNamed(ctx context.Context, names []Name) (map[Name]uuid.UUID, error)
	// InTx runs f in one transaction, and again from the start where PostgreSQL asks for that. What f changed and the
	// events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage as one transaction sees it. What it locks stays locked until the transaction ends.
type Tx interface {
	// Recall returns the first answer to the request that once names, if there was one. It fails with InProgress while
	// the first is still being worked on, and with Invalid when the request differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Product, found bool, err error)
	// Remember keeps p as the answer to the request that once names.
	Remember(ctx context.Context, once condition.Once, p Product) error

	// LockProduct fails with NotFound where there is none.
	LockProduct(ctx context.Context, id int64) (Product, error)
	// LockProductByUUID finds deleted products too.
	LockProductByUUID(ctx context.Context, id uuid.UUID) (p Product, found bool, err error)
	LockProductByName(ctx context.Context, name Name) (p Product, found bool, err error)

	// InsertProduct returns p with the id that it was given. Like SaveProduct it fails with Conflict where the name is
	// taken, and the transaction commits only with the event of the change.
	InsertProduct(ctx context.Context, p Product) (Product, error)
	SaveProduct(ctx context.Context, p Product) error
	Append(ctx context.Context, e Event) error
}

// Name is what is unique among products that are not deleted.
type Name struct{ Name, Category string }

func (d Draft) name() Name { return Name{d.Name, d.Category} }

// NameTaken is the Conflict that a store answers when a write meets a name that another product of the category has.
func NameTaken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "product-exists", "There is already a product of this name in this category.")
}

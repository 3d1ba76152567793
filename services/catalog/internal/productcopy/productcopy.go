// Package productcopy is what the catalog knows about products, which the monolith owns: a copy, changed by the owner's
// events alone. It decides what an event changes, and when the entries of a product have to follow.
package productcopy

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Product is a product as far as it is known here.
type Product struct {
	ID           uuid.UUID // the id across services
	Name         string
	Category     string
	Discontinued bool
	Version      int64 // the owner's
	UpdatedAt    time.Time
}

// Store is what this package reads. Deleted products are hidden.
type Store interface {
	// Product fails with NotFound where there is none.
	Product(ctx context.Context, id uuid.UUID) (Product, error)
	// Products yields the products of the query in its order, reading as it is consumed. An error is the last pair.
	Products(ctx context.Context, q Query) iter.Seq2[Product, error]
}

// NotFound is what a store answers when no such product is known here, or no longer.
func NotFound(id uuid.UUID) *apperr.Error {
	return apperr.New(apperr.NotFound,
		fmt.Sprintf("No product %s is known here; one that was just created may arrive in a moment.", id))
}

// Service reads the copy, and keeps it.
type Service struct {
	store   Store
	entries Entries
}

// NewService returns a Service that reads from store, and tells entries which products turned discontinued or deleted.
func NewService(store Store, entries Entries) *Service {
	return &Service{store: store, entries: entries}
}

// Get returns the product with the id.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Product, error) {
	return s.store.Product(ctx, id)
}

// List yields the products of the query as they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Product, error] {
	return s.store.Products(ctx, q)
}

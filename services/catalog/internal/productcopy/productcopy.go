// Package productcopy has the catalog's copy of the products, which the monolith owns. Only the owner's events change it. The
// package decides what an event changes, and when the entries of a product must end or be deleted.
package productcopy

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Product is the part of a product that the catalog knows.
type Product struct {
	ID           uuid.UUID // the id in all services
	Name         string
	Category     string
	Discontinued bool
	Version      int64 // of the owner
	UpdatedAt    time.Time
}

// Store is the storage that this package reads. It hides deleted products.
type Store interface {
	// Product fails with NotFound if there is no such product.
	Product(ctx context.Context, id uuid.UUID) (Product, error)
	// Versions returns the version of each product that was ever applied, also if it is deleted.
	Versions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
	// ProductsByID returns the products that are known here. The others are missing in the map.
	ProductsByID(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Product, error)
	// CountProducts returns how many products each query has, but never more than most, or only the first ones if that takes too long.
	CountProducts(ctx context.Context, queries []Query, most int) ([]int, error)
	// Categories returns the first categories in the order of their names.
	Categories(ctx context.Context, most int) ([]string, error)
	// Products yields the products of the query in its order. It reads while the caller iterates. An error is the last pair.
	Products(ctx context.Context, q Query) iter.Seq2[Product, error]
}

// NotFound is the error of a store for a product that is not known here, or not any more.
func NotFound(id uuid.UUID) *apperr.Error {
	return apperr.New(apperr.NotFound,
		fmt.Sprintf("The product %s is not known here. A product that was just created may arrive in a moment.", id))
}

// Service reads the copy, and applies changes to it.
type Service struct {
	store   Store
	entries Entries
}

// NewService returns a Service that reads from store, and tells entries which products became discontinued or deleted.
func NewService(store Store, entries Entries) *Service {
	return &Service{store: store, entries: entries}
}

// Get returns the product with the id.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Product, error) {
	return s.store.Product(ctx, id)
}

// Versions returns the version of each product that was ever applied, also if it is deleted.
func (s *Service) Versions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return s.store.Versions(ctx, ids)
}

// List yields the products of the query while they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Product, error] {
	return s.store.Products(ctx, q)
}

// ByID returns the products that are known here. The others are missing in the map.
func (s *Service) ByID(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Product, error) {
	return s.store.ProductsByID(ctx, ids)
}

// Counts returns how many products each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) Counts(ctx context.Context, queries []Query, most int) ([]int, error) {
	return s.store.CountProducts(ctx, queries, most)
}

// Categories returns the first categories in the order of their names.
func (s *Service) Categories(ctx context.Context, most int) ([]string, error) {
	return s.store.Categories(ctx, most)
}

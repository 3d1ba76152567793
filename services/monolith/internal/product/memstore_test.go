package product_test

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// memStore runs one transaction at a time, and commits all of its changes or none.
type memStore struct {
	mu     sync.Mutex
	rows   map[int64]product.Product
	first  map[condition.Once]product.Product
	events []product.Event
}

func newMemStore(products ...product.Product) *memStore {
	s := &memStore{rows: map[int64]product.Product{}, first: map[condition.Once]product.Product{}}
	for _, p := range products {
		s.rows[p.ID] = p
	}
	return s
}

func (s *memStore) Product(_ context.Context, id int64) (product.Product, error) {
	p, ok := s.rows[id]
	if !ok || p.Deleted {
		return product.Product{}, apperr.New(apperr.NotFound, "no such product")
	}
	return p, nil
}

func (s *memStore) Products(context.Context, product.Query) iter.Seq2[product.Product, error] {
	return func(yield func(product.Product, error) bool) {
		all := slices.SortedFunc(maps.Values(s.rows), func(a, b product.Product) int { return cmp.Compare(a.ID, b.ID) })
		for _, p := range all {
			if !p.Deleted && !yield(p, nil) {
				return
			}
		}
	}
}

func (s *memStore) ProductsByID(context.Context, []int64) (map[int64]product.Product, error) {
	return maps.Clone(s.rows), nil
}

func (s *memStore) CountProducts(_ context.Context, queries []product.Query, most int) ([]int, error) {
	return slices.Repeat([]int{min(len(s.rows), most)}, len(queries)), nil
}

func (s *memStore) Categories(_ context.Context, most int) ([]string, error) {
	names := map[string]bool{}
	for _, p := range s.rows {
		names[p.Category] = true
	}
	all := slices.Sorted(maps.Keys(names))
	return all[:min(len(all), most)], nil
}

func (s *memStore) ProductsNamed(_ context.Context, names []product.Name) (map[product.Name]uuid.UUID, error) {
	taken := map[product.Name]uuid.UUID{}
	for _, name := range names {
		if p, found := s.named(name); found {
			taken[name] = p.UUID
		}
	}
	return taken, nil
}

func (s *memStore) InTx(_ context.Context, f func(product.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &memStore{rows: maps.Clone(s.rows), first: maps.Clone(s.first), events: slices.Clone(s.events)}
	if err := f(tx); err != nil {
		return err
	}
	s.rows, s.first, s.events = tx.rows, tx.first, tx.events
	return nil
}

func (s *memStore) Recall(_ context.Context, once condition.Once) (product.Product, bool, error) {
	for o, p := range s.first {
		if o.ID != once.ID {
			continue
		}
		if o.Fingerprint != once.Fingerprint {
			return product.Product{}, false, apperr.Coded(apperr.Invalid, "idempotency-key-reused", "another body")
		}
		return p, true, nil
	}
	return product.Product{}, false, nil
}

func (s *memStore) Remember(_ context.Context, once condition.Once, p product.Product) error {
	s.first[once] = p
	return nil
}

func (s *memStore) LockProduct(ctx context.Context, id int64) (product.Product, error) {
	return s.Product(ctx, id)
}

func (s *memStore) LockProductByUUID(_ context.Context, id uuid.UUID) (product.Product, bool, error) {
	for _, p := range s.rows {
		if p.UUID == id {
			return p, true, nil
		}
	}
	return product.Product{}, false, nil
}

func (s *memStore) LockProductByName(_ context.Context, name product.Name) (product.Product, bool, error) {
	p, found := s.named(name)
	return p, found, nil
}

func (s *memStore) named(name product.Name) (product.Product, bool) {
	for _, p := range s.rows {
		if !p.Deleted && (product.Name{Name: p.Name, Category: p.Category}) == name {
			return p, true
		}
	}
	return product.Product{}, false
}

func (s *memStore) InsertProduct(ctx context.Context, p product.Product) (product.Product, error) {
	p.ID = int64(len(s.rows)) + 1
	return p, s.SaveProduct(ctx, p)
}

func (s *memStore) SaveProduct(_ context.Context, p product.Product) error {
	if other, taken := s.named(product.Name{Name: p.Name, Category: p.Category}); taken && !p.Deleted && other.ID != p.ID {
		return product.NameTaken()
	}
	s.rows[p.ID] = p
	return nil
}

func (s *memStore) Append(_ context.Context, e product.Event) error {
	s.events = append(s.events, e)
	return nil
}

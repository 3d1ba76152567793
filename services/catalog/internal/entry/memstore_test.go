package entry_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// memStore runs one transaction at a time, and commits all of its changes or none.
type memStore struct {
	mu       sync.Mutex
	rows     map[uuid.UUID]entry.Entry
	products map[uuid.UUID]entry.Product
	markets  map[string]bool
	first    map[condition.Once]entry.Entry
	events   []entry.Event
	locks    []string // in the order in which the transaction took them
}

func newMemStore(entries ...entry.Entry) *memStore {
	s := &memStore{
		rows:     map[uuid.UUID]entry.Entry{},
		products: map[uuid.UUID]entry.Product{},
		markets:  map[string]bool{},
		first:    map[condition.Once]entry.Entry{},
	}
	for _, e := range entries {
		s.rows[e.ID] = e
	}
	return s
}

func (s *memStore) Entry(_ context.Context, id uuid.UUID) (entry.Entry, error) {
	e, ok := s.rows[id]
	if !ok || e.Deleted {
		return entry.Entry{}, entry.NotFound(id)
	}
	return e, nil
}

func (s *memStore) Entries(context.Context, entry.Query) iter.Seq2[entry.Entry, error] {
	return func(yield func(entry.Entry, error) bool) {
		for _, e := range s.live(func(entry.Entry) bool { return true }) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *memStore) CountEntries(_ context.Context, queries []entry.Query, most int) ([]int, error) {
	return slices.Repeat([]int{min(len(s.live(func(entry.Entry) bool { return true })), most)}, len(queries)), nil
}

func (s *memStore) live(keep func(entry.Entry) bool) (list []entry.Entry) {
	for _, e := range s.rows {
		if !e.Deleted && keep(e) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b entry.Entry) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return list
}

func (s *memStore) EntriesAt(_ context.Context, places []entry.Place) (map[entry.Place]entry.Entry, error) {
	taken := map[entry.Place]entry.Entry{}
	for _, place := range places {
		if e, found := s.at(place); found {
			taken[place] = e
		}
	}
	return taken, nil
}

func (s *memStore) at(place entry.Place) (entry.Entry, bool) {
	for _, e := range s.live(func(e entry.Entry) bool { return e.Market == place.Market && e.Product == place.Product }) {
		return e, true
	}
	return entry.Entry{}, false
}

func (s *memStore) ProductStates(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]entry.Product, error) {
	states := map[uuid.UUID]entry.Product{}
	for _, id := range ids {
		states[id] = s.products[id]
	}
	return states, nil
}

func (s *memStore) KnownMarkets(_ context.Context, codes []string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, code := range codes {
		known[code] = s.markets[code]
	}
	return known, nil
}

func (s *memStore) InTx(_ context.Context, f func(entry.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &memStore{
		rows: maps.Clone(s.rows), products: s.products, markets: s.markets,
		first: maps.Clone(s.first), events: slices.Clone(s.events),
	}
	err := f(tx)
	s.locks = tx.locks
	if err != nil {
		return err
	}
	s.rows, s.first, s.events = tx.rows, tx.first, tx.events
	return nil
}

func (s *memStore) Recall(_ context.Context, once condition.Once) (entry.Entry, bool, error) {
	for o, e := range s.first {
		if o.ID != once.ID {
			continue
		}
		if o.Fingerprint != once.Fingerprint {
			return entry.Entry{}, false, apperr.Coded(apperr.Invalid, "idempotency-key-reused", "another body")
		}
		return e, true, nil
	}
	return entry.Entry{}, false, nil
}

func (s *memStore) Remember(_ context.Context, once condition.Once, e entry.Entry) error {
	s.first[once] = e
	return nil
}

func (s *memStore) ShareProduct(_ context.Context, id uuid.UUID) (entry.Product, error) {
	s.locks = append(s.locks, "product")
	return s.products[id], nil
}

func (s *memStore) ShareMarket(_ context.Context, isoCode string) (bool, error) {
	s.locks = append(s.locks, "market")
	return s.markets[isoCode], nil
}

func (s *memStore) LockEntry(ctx context.Context, id uuid.UUID) (entry.Entry, error) {
	s.locks = append(s.locks, "entry")
	return s.Entry(ctx, id)
}

func (s *memStore) LockEntryAt(_ context.Context, place entry.Place) (entry.Entry, bool, error) {
	s.locks = append(s.locks, "entry")
	e, found := s.at(place)
	return e, found, nil
}

func (s *memStore) LockEntriesOf(_ context.Context, products []uuid.UUID) ([]entry.Entry, error) {
	return s.live(func(e entry.Entry) bool { return slices.Contains(products, e.Product) }), nil
}

func (s *memStore) InsertEntry(ctx context.Context, e entry.Entry) error {
	if _, taken := s.at(entry.Place{Market: e.Market, Product: e.Product}); taken {
		return entry.PlaceTaken()
	}
	return s.SaveEntries(ctx, e)
}

func (s *memStore) SaveEntries(_ context.Context, entries ...entry.Entry) error {
	for _, e := range entries {
		s.rows[e.ID] = e
	}
	return nil
}

func (s *memStore) Append(_ context.Context, events ...entry.Event) error {
	s.events = append(s.events, events...)
	return nil
}

package market_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

// memStore runs one transaction at a time, and commits all of its changes or none.
type memStore struct {
	mu     sync.Mutex
	rows   map[string]market.Market
	used   map[string]bool // by entries
	first  map[condition.Once]market.Market
	events []market.Event
}

func newMemStore(markets ...market.Market) *memStore {
	s := &memStore{rows: map[string]market.Market{}, used: map[string]bool{}, first: map[condition.Once]market.Market{}}
	for _, m := range markets {
		s.rows[m.ISOCode] = m
	}
	return s
}

func (s *memStore) Market(_ context.Context, isoCode string) (market.Market, error) {
	m, ok := s.rows[isoCode]
	if !ok || m.Deleted {
		return market.Market{}, market.NotFound(isoCode)
	}
	return m, nil
}

func (s *memStore) Markets(context.Context, market.Query) iter.Seq2[market.Market, error] {
	return func(yield func(market.Market, error) bool) {
		for _, isoCode := range slices.Sorted(maps.Keys(s.rows)) {
			if m := s.rows[isoCode]; !m.Deleted && !yield(m, nil) {
				return
			}
		}
	}
}

func (s *memStore) CountMarkets(_ context.Context, queries []market.Query, most int) ([]int, error) {
	return slices.Repeat([]int{min(len(s.rows), most)}, len(queries)), nil
}

func (s *memStore) InTx(_ context.Context, f func(market.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &memStore{rows: maps.Clone(s.rows), used: s.used, first: maps.Clone(s.first), events: slices.Clone(s.events)}
	if err := f(tx); err != nil {
		return err
	}
	s.rows, s.first, s.events = tx.rows, tx.first, tx.events
	return nil
}

func (s *memStore) Recall(_ context.Context, once condition.Once) (market.Market, bool, error) {
	for o, m := range s.first {
		if o.ID != once.ID {
			continue
		}
		if o.Fingerprint != once.Fingerprint {
			return market.Market{}, false, apperr.Coded(apperr.Invalid, "idempotency-key-reused", "another body")
		}
		return m, true, nil
	}
	return market.Market{}, false, nil
}

func (s *memStore) Remember(_ context.Context, once condition.Once, m market.Market) error {
	s.first[once] = m
	return nil
}

func (s *memStore) LockMarket(_ context.Context, isoCode string) (market.Market, bool, error) {
	m, found := s.rows[isoCode]
	return m, found, nil
}

func (s *memStore) MarketInUse(_ context.Context, isoCode string) (bool, error) {
	return s.used[isoCode], nil
}

func (s *memStore) InsertMarket(ctx context.Context, m market.Market) error {
	if _, found := s.rows[m.ISOCode]; found {
		return market.Taken()
	}
	return s.SaveMarket(ctx, m)
}

func (s *memStore) SaveMarket(_ context.Context, m market.Market) error {
	s.rows[m.ISOCode] = m
	return nil
}

func (s *memStore) Append(_ context.Context, e market.Event) error {
	s.events = append(s.events, e)
	return nil
}

// Package catalogcopy is what the monolith knows about the markets and the catalog entries, which the catalog service
// owns: copies, changed by the owner's events alone and read through the legacy API.
package catalogcopy

import (
	"context"
	"iter"
	"time"
)

// Market is a market as old integrations know it.
type Market struct {
	ID        int64 // the monolith's own integer, never used twice
	ISOCode   string
	Name      string
	UpdatedAt time.Time
}

// Entry is a catalog entry as old integrations know it: its references are the monolith's own integers.
type Entry struct {
	ID        int64
	Product   int64
	Market    int64
	Start     *time.Time // the first day, at midnight UTC; nil while it is not scheduled
	End       *time.Time // the last day; nil while it is open
	Version   int64      // the owner's
	UpdatedAt time.Time
}

// Store is what this package reads. Deleted rows, stubs and entries whose product or market is not known yet are
// hidden.
type Store interface {
	// Entry fails with NotFound where there is none.
	Entry(ctx context.Context, id int64) (Entry, error)
	// Entries and Markets yield what the query asks for in its order, reading as it is consumed. An error is the last
	// pair.
	Entries(ctx context.Context, q EntryQuery) iter.Seq2[Entry, error]
	Markets(ctx context.Context, q MarketQuery) iter.Seq2[Market, error]
}

// Service reads the copies.
type Service struct{ store Store }

// NewService returns a Service that reads from store.
func NewService(store Store) *Service { return &Service{store: store} }

// Entry returns the entry with the monolith's own id.
func (s *Service) Entry(ctx context.Context, id int64) (Entry, error) { return s.store.Entry(ctx, id) }

// ListEntries yields the entries of the query as they are read. An error is the last pair.
func (s *Service) ListEntries(ctx context.Context, q EntryQuery) iter.Seq2[Entry, error] {
	return s.store.Entries(ctx, q)
}

// ListMarkets yields the markets of the query as they are read. An error is the last pair.
func (s *Service) ListMarkets(ctx context.Context, q MarketQuery) iter.Seq2[Market, error] {
	return s.store.Markets(ctx, q)
}

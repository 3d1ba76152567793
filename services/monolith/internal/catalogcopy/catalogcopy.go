// Package catalogcopy has the monolith's copies of the markets and the catalog entries, which the catalog service owns. Only
// the owner's events change them. The legacy API reads them.
package catalogcopy

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Market is a market in the form that old integrations know.
type Market struct {
	ID        int64 // the monolith's own integer; it is never used again
	ISOCode   string
	Name      string
	UpdatedAt time.Time
}

// Entry is a catalog entry in the form that old integrations know. It refers by the monolith's own integers.
type Entry struct {
	ID        int64
	Product   int64
	Market    int64
	Start     *time.Time // the first day, at midnight UTC; nil if it is not scheduled
	End       *time.Time // the last day; nil if it has no end
	Version   int64      // of the owner
	UpdatedAt time.Time
}

// Store is the storage that this package reads. It hides deleted rows, stubs, and entries whose product or market is not
// known yet.
type Store interface {
	// Entry fails with NotFound if there is no such entry.
	Entry(ctx context.Context, id int64) (Entry, error)
	// OwnerID returns the id that the entry has in all services. It fails with NotFound if no entry has the integer.
	OwnerID(ctx context.Context, id int64) (uuid.UUID, error)
	// EntryVersions returns the version of each entry that Entry returns, or that is deleted.
	EntryVersions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
	// Entries and Markets yield the rows of the query in its order. They read while the caller iterates. An error is the
	// last pair.
	Entries(ctx context.Context, q EntryQuery) iter.Seq2[Entry, error]
	Markets(ctx context.Context, q MarketQuery) iter.Seq2[Market, error]
	// CountEntries and CountMarkets return how many rows each query has, but never more than most, or only the first ones if that takes too long.
	CountEntries(ctx context.Context, queries []EntryQuery, most int) ([]int, error)
	CountMarkets(ctx context.Context, queries []MarketQuery, most int) ([]int, error)
}

// Service reads the copies.
type Service struct{ store Store }

// NewService returns a Service that reads from store.
func NewService(store Store) *Service { return &Service{store: store} }

// Entry returns the entry with the monolith's own id.
func (s *Service) Entry(ctx context.Context, id int64) (Entry, error) { return s.store.Entry(ctx, id) }

// OwnerID returns the id that the entry with the monolith's own id has in all services.
func (s *Service) OwnerID(ctx context.Context, id int64) (uuid.UUID, error) {
	return s.store.OwnerID(ctx, id)
}

// EntryVersions returns the version of each entry that can be read, or that is deleted. An entry is missing while its product
// or market is not known here.
func (s *Service) EntryVersions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return s.store.EntryVersions(ctx, ids)
}

// ListEntries yields the entries of the query as they are read. An error is the last pair.
func (s *Service) ListEntries(ctx context.Context, q EntryQuery) iter.Seq2[Entry, error] {
	return s.store.Entries(ctx, q)
}

// ListMarkets yields the markets of the query as they are read. An error is the last pair.
func (s *Service) ListMarkets(ctx context.Context, q MarketQuery) iter.Seq2[Market, error] {
	return s.store.Markets(ctx, q)
}

// CountEntries returns how many entries each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) CountEntries(ctx context.Context, queries []EntryQuery, most int) ([]int, error) {
	return s.store.CountEntries(ctx, queries, most)
}

// CountMarkets returns how many markets each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) CountMarkets(ctx context.Context, queries []MarketQuery, most int) ([]int, error) {
	return s.store.CountMarkets(ctx, queries, most)
}

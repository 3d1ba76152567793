package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// Entries implements entry.Store.
type Entries struct{ s *Store }

var _ entry.Store = Entries{}

// Entries returns the storage of the catalog entries.
func (s *Store) Entries() Entries { return Entries{s} }

// Entry implements entry.Store.
func (e Entries) Entry(ctx context.Context, id uuid.UUID) (entry.Entry, error) {
	row, err := e.s.q.GetEntry(ctx, id)
	if err != nil {
		return entry.Entry{}, translate(noEntry(err, id))
	}
	return toEntry(row), nil
}

// EntriesAt implements entry.Store.
func (e Entries) EntriesAt(ctx context.Context, places []entry.Place) (map[entry.Place]entry.Entry, error) {
	var (
		markets  []string
		products []uuid.UUID
	)
	for _, place := range places {
		markets, products = append(markets, place.Market), append(products, place.Product)
	}
	rows, err := e.s.q.EntriesAt(ctx, markets, products)
	if err != nil {
		return nil, translate(fmt.Errorf("look for entries by product and market: %w", err))
	}
	taken := make(map[entry.Place]entry.Entry, len(rows))
	for _, row := range rows {
		v := toEntry(row.CatalogEntry)
		taken[entry.Place{Market: v.Market, Product: v.Product}] = v
	}
	return taken, nil
}

// ProductStates implements entry.Store.
func (e Entries) ProductStates(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]entry.Product, error) {
	rows, err := e.s.q.ProductStates(ctx, ids)
	if err != nil {
		return nil, translate(fmt.Errorf("read the states of products: %w", err))
	}
	states := make(map[uuid.UUID]entry.Product, len(rows))
	for _, row := range rows {
		states[row.ID] = entry.Product{Known: true, Discontinued: orZero(row.Discontinued)}
	}
	return states, nil
}

// KnownMarkets implements entry.Store.
func (e Entries) KnownMarkets(ctx context.Context, codes []string) (map[string]bool, error) {
	rows, err := e.s.q.KnownMarkets(ctx, codes)
	if err != nil {
		return nil, translate(fmt.Errorf("look for markets: %w", err))
	}
	known := make(map[string]bool, len(rows))
	for _, isoCode := range rows {
		known[isoCode] = true
	}
	return known, nil
}

// InTx implements entry.Store.
func (e Entries) InTx(ctx context.Context, f func(entry.Tx) error) error {
	return e.s.inTx(ctx, func(t *ownTx) error { return f(entryTx{t}) })
}

func noEntry(err error, id uuid.UUID) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return entry.NotFound(id)
	}
	return fmt.Errorf("read catalog entry %s: %w", id, err)
}

func toEntry(row db.CatalogEntry) entry.Entry {
	return entry.Entry{
		ID: row.ID,
		Draft: entry.Draft{
			Product: row.ProductUUID, Market: row.Market,
			Start: toDate(row.AvailabilityDate), End: toDate(row.AvailabilityEndDate),
		},
		Deleted: row.Deleted, Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

func toDate(t *time.Time) entry.Date {
	if t == nil {
		return entry.Date{}
	}
	return entry.DateOf(*t)
}

func fromDate(d entry.Date) *time.Time {
	if d.IsZero() {
		return nil
	}
	t := d.Time()
	return &t
}

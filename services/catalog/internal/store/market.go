package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// Markets implements market.Store.
type Markets struct{ s *Store }

var _ market.Store = Markets{}

// Markets returns the storage of the markets.
func (s *Store) Markets() Markets { return Markets{s} }

// Market implements market.Store.
func (m Markets) Market(ctx context.Context, isoCode string) (market.Market, error) {
	row, err := m.s.q.GetMarket(ctx, isoCode)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return market.Market{}, market.NotFound(isoCode)
	case err != nil:
		return market.Market{}, translate(fmt.Errorf("read market %s: %w", isoCode, err))
	}
	return toMarket(row), nil
}

// InTx implements market.Store.
func (m Markets) InTx(ctx context.Context, f func(market.Tx) error) error {
	return m.s.inTx(ctx, func(t *ownTx) error { return f(marketTx{t}) })
}

// marketTx is one transaction that changes markets.
type marketTx struct{ *ownTx }

func (t marketTx) Recall(ctx context.Context, once condition.Once) (first market.Market, found bool, err error) {
	found, err = t.keys.Recall(ctx, t.tx, once.ID, once.Fingerprint, &first)
	return first, found, err
}

func (t marketTx) Remember(ctx context.Context, once condition.Once, m market.Market) error {
	return t.keys.Remember(ctx, t.tx, once.ID, once.Fingerprint, m)
}

func (t marketTx) LockMarket(ctx context.Context, isoCode string) (market.Market, bool, error) {
	row, err := t.q.LockMarket(ctx, isoCode)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return market.Market{}, false, nil
	case err != nil:
		return market.Market{}, false, fmt.Errorf("lock market %s: %w", isoCode, err)
	}
	m := toMarket(row)
	t.history.Seen(marketObject(m), marketState(m))
	return m, true, nil
}

func (t marketTx) MarketInUse(ctx context.Context, isoCode string) (bool, error) {
	used, err := t.q.MarketInUse(ctx, isoCode)
	if err != nil {
		return false, fmt.Errorf("look for entries of market %s: %w", isoCode, err)
	}
	return used, nil
}

func (t marketTx) InsertMarket(ctx context.Context, m market.Market) error {
	err := t.q.InsertMarket(ctx, db.InsertMarketParams{
		ISOCode: m.ISOCode, Name: m.Name, Deleted: m.Deleted, Version: m.Version,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("insert market %s: %w", m.ISOCode, err)
	}
	return nil
}

func (t marketTx) SaveMarket(ctx context.Context, m market.Market) error {
	err := t.q.UpdateMarket(ctx, db.UpdateMarketParams{
		ISOCode: m.ISOCode, Name: m.Name, Deleted: m.Deleted, Version: m.Version,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("save market %s: %w", m.ISOCode, err)
	}
	return nil
}

func (t marketTx) Append(ctx context.Context, e market.Event) error {
	m, err := t.encode.Market(e)
	if err != nil {
		return err
	}
	return t.change(ctx, marketChange(string(e.Kind), e.Market, e.Time, m))
}

func toMarket(row db.Market) market.Market {
	return market.Market{
		Draft:   market.Draft{ISOCode: row.ISOCode, Name: row.Name},
		Deleted: row.Deleted, Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

package market

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
)

// Service changes and reads markets.
type Service struct {
	store Store
	now   func() time.Time
	newID func() uuid.UUID
}

// NewService returns a Service that keeps its markets in store.
func NewService(store Store, now func() time.Time, newID func() uuid.UUID) *Service {
	return &Service{store: store, now: now, newID: newID}
}

// Get returns the market with the code.
func (s *Service) Get(ctx context.Context, isoCode string) (Market, error) {
	return s.store.Market(ctx, isoCode)
}

// Create creates a market. With once, a repeated request gets the first answer and creates nothing.
func (s *Service) Create(ctx context.Context, d Draft, once *condition.Once) (Market, error) {
	d = d.Cleaned()
	if err := d.Validate(); err != nil {
		return Market{}, err
	}
	var m Market
	err := s.store.InTx(ctx, func(tx Tx) error {
		if once != nil {
			first, found, err := tx.Recall(ctx, *once)
			if err != nil || found {
				m = first
				return err
			}
		}
		old, found, err := tx.LockMarket(ctx, d.ISOCode)
		switch {
		case err != nil:
			return err
		case found && !old.Deleted:
			return Taken()
		}
		if m, err = s.create(ctx, tx, old, d); err != nil || once == nil {
			return err
		}
		return tx.Remember(ctx, *once, m)
	})
	return m, err
}

// Replace replaces the whole draft. A draft without a code keeps the market's code.
func (s *Service) Replace(ctx context.Context, isoCode string, d Draft, match condition.Match) (Market, error) {
	if d.ISOCode == "" {
		d.ISOCode = isoCode
	}
	return s.change(ctx, isoCode, match, func(Draft) Draft { return d })
}

// Patch changes some fields of the draft.
func (s *Service) Patch(ctx context.Context, isoCode string, patch Patch, match condition.Match) (Market, error) {
	return s.change(ctx, isoCode, match, patch.applied)
}

// Delete marks the market as deleted, unless entries use it. It is not found any more. Delete returns its last version.
func (s *Service) Delete(ctx context.Context, isoCode string, match condition.Match) (Market, error) {
	var m Market
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if m, err = lockLive(ctx, tx, isoCode); err != nil {
			return err
		}
		if err := match.Check("market", m.Version); err != nil {
			return err
		}
		used, err := tx.MarketInUse(ctx, isoCode)
		switch {
		case err != nil:
			return err
		case used:
			return InUse()
		}
		m.Deleted = true
		m, err = s.save(ctx, tx, m, Deleted)
		return err
	})
	return m, err
}

// change applies edit to the locked market. If edit changes nothing, the version stays the same and there is no event.
func (s *Service) change(ctx context.Context, isoCode string, match condition.Match, edit func(Draft) Draft) (Market, error) {
	// The rules that need no stored market are checked before the transaction.
	if err := edit(Draft{ISOCode: isoCode, Name: "-"}).Cleaned().validChange(isoCode); err != nil {
		return Market{}, err
	}
	var m Market
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if m, err = lockLive(ctx, tx, isoCode); err != nil {
			return err
		}
		if err := match.Check("market", m.Version); err != nil {
			return err
		}
		m, err = s.update(ctx, tx, m, edit(m.Draft).Cleaned())
		return err
	})
	return m, err
}

func lockLive(ctx context.Context, tx Tx, isoCode string) (Market, error) {
	m, found, err := tx.LockMarket(ctx, isoCode)
	switch {
	case err != nil:
		return Market{}, err
	case !found || m.Deleted:
		return Market{}, NotFound(isoCode)
	}
	return m, nil
}

// create creates a market. old is the deleted market with the same code, or the zero Market (version 0). H7 reused identity:
// if the version started at 1 again, every copy would ignore the market that came back as old.
func (s *Service) create(ctx context.Context, tx Tx, old Market, d Draft) (Market, error) {
	now := s.moment()
	m := Market{Draft: d, Version: old.Version + 1, CreatedAt: now, UpdatedAt: now}
	store := tx.InsertMarket
	if old.Deleted {
		store = tx.SaveMarket
	}
	if err := store(ctx, m); err != nil {
		return Market{}, err
	}
	return m, tx.Append(ctx, s.event(Created, m))
}

// update gives the locked market a new draft and appends the event.
func (s *Service) update(ctx context.Context, tx Tx, m Market, d Draft) (Market, error) {
	if d == m.Draft {
		return m, nil
	}
	m.Draft = d
	return s.save(ctx, tx, m, Updated)
}

// save stores the locked market as its next version and appends the event.
func (s *Service) save(ctx context.Context, tx Tx, m Market, kind Kind) (Market, error) {
	m.Version++
	m.UpdatedAt = s.moment()
	if err := tx.SaveMarket(ctx, m); err != nil {
		return Market{}, err
	}
	return m, tx.Append(ctx, s.event(kind, m))
}

func (s *Service) event(kind Kind, m Market) Event {
	return Event{ID: s.newID(), Kind: kind, Time: m.UpdatedAt, Market: m}
}

// moment returns the time in the precision of PostgreSQL, so that the answer to a change equals a later read.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

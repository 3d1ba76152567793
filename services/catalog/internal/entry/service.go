package entry

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Service changes and reads catalog entries.
type Service struct {
	store Store
	now   func() time.Time
	newID func() uuid.UUID
}

// NewService returns a Service that keeps its entries in store.
func NewService(store Store, now func() time.Time, newID func() uuid.UUID) *Service {
	return &Service{store: store, now: now, newID: newID}
}

// Get returns the entry with the id.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Entry, error) {
	return s.store.Entry(ctx, id)
}

// Create creates an entry. With once, a repeated request gets the first answer and creates nothing.
func (s *Service) Create(ctx context.Context, d Draft, once *condition.Once) (Entry, error) {
	if err := d.Validate(); err != nil {
		return Entry{}, err
	}
	var e Entry
	err := s.store.InTx(ctx, func(tx Tx) error {
		if once != nil {
			first, found, err := tx.Recall(ctx, *once)
			if err != nil || found {
				e = first
				return err
			}
		}
		product, market, err := share(ctx, tx, d)
		if err != nil {
			return err
		}
		if err := checkReferences(product, market); err != nil {
			return err
		}
		if e, err = s.create(ctx, tx, d); err != nil || once == nil {
			return err
		}
		return tx.Remember(ctx, *once, e)
	})
	return e, err
}

// share locks the draft's product and market against changes until the transaction ends. H4 write skew: an event that
// discontinues the product at the same time waits for the new entry, and then sees it and ends it.
func share(ctx context.Context, tx Tx, d Draft) (product Product, market bool, err error) {
	if product, err = tx.ShareProduct(ctx, d.Product); err != nil {
		return Product{}, false, err
	}
	market, err = tx.ShareMarket(ctx, d.Market)
	return product, market, err
}

// checkReferences returns an Invalid error if no entry can be created for the product and the market. A product or market
// that is not known has its own code, unknown-reference, because it may become known soon.
func checkReferences(product Product, market bool) error {
	var faults []apperr.FieldError
	switch {
	case !product.Known:
		faults = append(faults, apperr.FieldError{
			Pointer: "/product", Detail: "is not known here; a product that was just created may arrive in a moment",
		})
	case product.Discontinued:
		faults = append(faults, apperr.FieldError{Pointer: "/product", Detail: "is discontinued"})
	}
	if !market {
		faults = append(faults, apperr.FieldError{
			Pointer: "/market", Detail: "is not known here; a market that was just created may arrive in a moment",
		})
	}
	if product.Known && market {
		return invalid(faults)
	}
	return &apperr.Error{
		Kind: apperr.Invalid, Code: "unknown-reference", Detail: "The entry refers to a product or market that is not known here.", Fields: faults,
	}
}

// Replace replaces everything that can change. A date that is nil in p is removed.
func (s *Service) Replace(ctx context.Context, id uuid.UUID, p Patch, match condition.Match) (Entry, error) {
	if p.Start == nil {
		p.Start = new(Date)
	}
	if p.End == nil {
		p.End = new(Date)
	}
	return s.Patch(ctx, id, p, match)
}

// Patch changes some fields of the draft.
func (s *Service) Patch(ctx context.Context, id uuid.UUID, patch Patch, match condition.Match) (Entry, error) {
	return s.change(ctx, id, match, patch.applied)
}

// Delete marks the entry as deleted. It is not found any more.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, match condition.Match) error {
	return s.store.InTx(ctx, func(tx Tx) error {
		e, err := tx.LockEntry(ctx, id)
		if err != nil {
			return err
		}
		if err := match.Check("entry", e.Version); err != nil {
			return err
		}
		_, err = s.delete(ctx, tx, e)
		return err
	})
}

// change applies edit to the locked entry. If edit changes nothing, the version stays the same and there is no event. The
// offer of a discontinued product may be shortened, but not extended.
func (s *Service) change(ctx context.Context, id uuid.UUID, match condition.Match, edit func(Draft) Draft) (Entry, error) {
	var e Entry
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if e, err = tx.Entry(ctx, id); err != nil { // only to know its product, which never changes
			return err
		}
		// Without this lock, an event could discontinue the product and end this entry after the check of the product and
		// before the change. The change would then open the entry again.
		product, err := tx.ShareProduct(ctx, e.Product)
		if err != nil {
			return err
		}
		if e, err = tx.LockEntry(ctx, id); err != nil {
			return err
		}
		if err := match.Check("entry", e.Version); err != nil {
			return err
		}
		d := edit(e.Draft)
		if err := d.validChange(e.Draft, product); err != nil {
			return err
		}
		e, err = s.update(ctx, tx, e, d)
		return err
	})
	return e, err
}

// create inserts an entry at version 1 and appends the event.
func (s *Service) create(ctx context.Context, tx Tx, d Draft) (Entry, error) {
	now := s.moment()
	e := Entry{ID: s.newID(), Draft: d, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := tx.InsertEntry(ctx, e); err != nil {
		return Entry{}, err
	}
	return e, tx.Append(ctx, s.event(Created, e))
}

// update gives the locked entry a new draft and appends the event.
func (s *Service) update(ctx context.Context, tx Tx, e Entry, d Draft) (Entry, error) {
	if d == e.Draft {
		return e, nil
	}
	e.Draft = d
	return s.saveOne(ctx, tx, Updated, e)
}

// delete marks the locked entry as deleted and appends the event.
func (s *Service) delete(ctx context.Context, tx Tx, e Entry) (Entry, error) {
	e.Deleted = true
	return s.saveOne(ctx, tx, Deleted, e)
}

func (s *Service) saveOne(ctx context.Context, tx Tx, kind Kind, e Entry) (Entry, error) {
	saved := []Entry{e}
	err := s.save(ctx, tx, kind, saved)
	return saved[0], err
}

// saveAtOnce is the maximum number of entries that are sent to the database in one statement.
const saveAtOnce = 1000

// save stores each locked entry as its next version, and appends an event for each. It changes entries to what was stored.
func (s *Service) save(ctx context.Context, tx Tx, kind Kind, entries []Entry) error {
	for part := range slices.Chunk(entries, saveAtOnce) {
		events := make([]Event, len(part))
		for i := range part {
			part[i].Version++
			part[i].UpdatedAt = s.moment()
			events[i] = s.event(kind, part[i])
		}
		if err := tx.SaveEntries(ctx, part...); err != nil {
			return err
		}
		if err := tx.Append(ctx, events...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) event(kind Kind, e Entry) Event {
	return Event{ID: s.newID(), Kind: kind, Time: e.UpdatedAt, Entry: e}
}

// moment returns the time in the precision of PostgreSQL, so that the answer to a change equals a later read.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

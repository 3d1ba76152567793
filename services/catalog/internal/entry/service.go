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
		var err error
		if e, err = s.CreateIn(ctx, tx, s.newID(), d); err != nil || once == nil {
			return err
		}
		return tx.Remember(ctx, *once, e)
	})
	return e, err
}

// CreateIn creates an entry with the given id in the caller's transaction. It fails with IDTaken if there was an entry with
// this id.
func (s *Service) CreateIn(ctx context.Context, tx Tx, id uuid.UUID, d Draft) (Entry, error) {
	if err := d.Validate(); err != nil {
		return Entry{}, err
	}
	product, market, err := share(ctx, tx, d)
	if err != nil {
		return Entry{}, err
	}
	if err := checkReferences(product, market); err != nil {
		return Entry{}, err
	}
	return s.create(ctx, tx, id, d)
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
	return s.Patch(ctx, id, p.Replacing(), match)
}

// Patch changes some fields of the draft.
func (s *Service) Patch(ctx context.Context, id uuid.UUID, patch Patch, match condition.Match) (Entry, error) {
	var e Entry
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		e, _, err = s.PatchIn(ctx, tx, id, patch, match)
		return err
	})
	return e, err
}

// PatchIn changes some fields of the draft in the caller's transaction. It reports whether anything has changed. If not, the
// version stays the same and there is no event. The offer of a discontinued product may be shortened, but not extended.
func (s *Service) PatchIn(ctx context.Context, tx Tx, id uuid.UUID, patch Patch, match condition.Match) (e Entry, changed bool, err error) {
	if e, err = tx.Entry(ctx, id); err != nil { // only to know its product, which never changes
		return Entry{}, false, err
	}
	// Without this lock, an event could discontinue the product and end this entry after the check of the product and
	// before the change. The change would then open the entry again.
	product, err := tx.ShareProduct(ctx, e.Product)
	if err != nil {
		return Entry{}, false, err
	}
	if e, err = tx.LockEntry(ctx, id); err != nil {
		return Entry{}, false, err
	}
	if err := match.Check("entry", e.Version); err != nil {
		return Entry{}, false, err
	}
	d := patch.applied(e.Draft)
	if err := d.validChange(e.Draft, product); err != nil {
		return Entry{}, false, err
	}
	changed = d != e.Draft
	e, err = s.update(ctx, tx, e, d)
	return e, changed, err
}

// Delete marks the entry as deleted, and returns it at the version of the deletion. It is not found any more.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, match condition.Match) (Entry, error) {
	var e Entry
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		e, err = s.DeleteIn(ctx, tx, id, match)
		return err
	})
	return e, err
}

// DeleteIn marks the entry as deleted in the caller's transaction, and returns it at the version of the deletion.
func (s *Service) DeleteIn(ctx context.Context, tx Tx, id uuid.UUID, match condition.Match) (Entry, error) {
	e, err := tx.LockEntry(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	if err := match.Check("entry", e.Version); err != nil {
		return Entry{}, err
	}
	return s.delete(ctx, tx, e)
}

// create inserts an entry at version 1 and appends the event.
func (s *Service) create(ctx context.Context, tx Tx, id uuid.UUID, d Draft) (Entry, error) {
	now := s.moment()
	e := Entry{ID: id, Draft: d, Version: 1, CreatedAt: now, UpdatedAt: now}
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

package product

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
)

// Service changes and reads products.
type Service struct {
	store Store
	now   func() time.Time
	newID func() uuid.UUID
}

// NewService returns a Service that keeps its products in store.
func NewService(store Store, now func() time.Time, newID func() uuid.UUID) *Service {
	return &Service{store: store, now: now, newID: newID}
}

// Get returns the product with the monolith's own id.
func (s *Service) Get(ctx context.Context, id int64) (Product, error) {
	return s.store.Product(ctx, id)
}

// Create creates a product. With once, a repeated request gets the first answer and creates nothing.
func (s *Service) Create(ctx context.Context, d Draft, once *condition.Once) (Product, error) {
	d = d.Cleaned()
	if err := d.Validate(); err != nil {
		return Product{}, err
	}
	var p Product
	err := s.store.InTx(ctx, func(tx Tx) error {
		if once != nil {
			first, found, err := tx.Recall(ctx, *once)
			if err != nil || found {
				p = first
				return err
			}
		}
		var err error
		if p, err = s.create(ctx, tx, Product{UUID: s.newID(), Draft: d}); err != nil || once == nil {
			return err
		}
		return tx.Remember(ctx, *once, p)
	})
	return p, err
}

// Replace replaces the whole draft.
func (s *Service) Replace(ctx context.Context, id int64, d Draft, match condition.Match) (Product, error) {
	return s.change(ctx, id, match, func(Draft) Draft { return d })
}

// Patch changes some fields of the draft.
func (s *Service) Patch(ctx context.Context, id int64, patch Patch, match condition.Match) (Product, error) {
	return s.change(ctx, id, match, patch.applied)
}

// Delete marks the product as deleted. It is not found any more. Delete returns its last version.
func (s *Service) Delete(ctx context.Context, id int64, match condition.Match) (Product, error) {
	var p Product
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if p, err = tx.LockProduct(ctx, id); err != nil {
			return err
		}
		if err := match.Check("product", p.Version); err != nil {
			return err
		}
		p.Deleted = true
		p, err = s.save(ctx, tx, p, Deleted)
		return err
	})
	return p, err
}

// change applies edit to the locked product. If edit changes nothing, the version stays the same and there is no event.
func (s *Service) change(ctx context.Context, id int64, match condition.Match, edit func(Draft) Draft) (Product, error) {
	// The rules that need no stored product are checked before the transaction.
	if err := validEdit(edit); err != nil {
		return Product{}, err
	}
	var p Product
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if p, err = tx.LockProduct(ctx, id); err != nil {
			return err
		}
		if err := match.Check("product", p.Version); err != nil {
			return err
		}
		p, err = s.update(ctx, tx, p, edit(p.Draft).Cleaned())
		return err
	})
	return p, err
}

// validEdit checks edit on some valid draft. The rules check each field by itself, so any valid draft will do.
func validEdit(edit func(Draft) Draft) error {
	return edit(Draft{Name: "-", Category: "-"}).Cleaned().Validate()
}

// create inserts p at version 1 and appends the event Created, also if p is discontinued.
func (s *Service) create(ctx context.Context, tx Tx, p Product) (Product, error) {
	p.Version = 1
	p.CreatedAt = s.moment()
	p.UpdatedAt = p.CreatedAt
	p, err := tx.InsertProduct(ctx, p)
	if err != nil {
		return Product{}, err
	}
	return p, tx.Append(ctx, s.event(Created, p))
}

// update gives the locked product a new draft, and appends the event Discontinued or Updated.
func (s *Service) update(ctx context.Context, tx Tx, p Product, d Draft) (Product, error) {
	kind := Updated
	switch {
	case d == p.Draft:
		return p, nil
	case d.Discontinued && !p.Discontinued:
		kind = Discontinued
	}
	p.Draft = d
	return s.save(ctx, tx, p, kind)
}

// save stores the locked product as its next version and appends the event.
func (s *Service) save(ctx context.Context, tx Tx, p Product, kind Kind) (Product, error) {
	p.Version++
	p.UpdatedAt = s.moment()
	if err := tx.SaveProduct(ctx, p); err != nil {
		return Product{}, err
	}
	return p, tx.Append(ctx, s.event(kind, p))
}

func (s *Service) event(kind Kind, p Product) Event {
	return Event{ID: s.newID(), Kind: kind, Time: p.UpdatedAt, Product: p}
}

// moment returns the time in the precision of PostgreSQL, so that the answer to a change equals a later read.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

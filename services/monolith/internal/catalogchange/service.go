package catalogchange

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// Config sets how changes are taken.
type Config struct {
	Expiry time.Duration // a request that has waited longer is not carried out
	Closed bool          // no new request is taken; those that were sent go on
}

// Service sends requests, and tells what became of them.
type Service struct {
	store  Store
	waiter Waiter
	cfg    Config
	now    func() time.Time
	newID  func() uuid.UUID
}

// NewService returns a Service that keeps its requests in store, and waits for their outcomes with waiter.
func NewService(store Store, waiter Waiter, cfg Config, now func() time.Time, newID func() uuid.UUID) *Service {
	return &Service{store: store, waiter: waiter, cfg: cfg, now: now, newID: newID}
}

// Create asks for a new entry, which gets its integer id at once. With once, a repetition gets the first request.
func (s *Service) Create(ctx context.Context, d Draft, once *condition.Once) (Request, error) {
	return s.send(ctx, once, func(tx Tx, r Request) (Request, error) {
		refs, err := references(ctx, tx, d)
		if err != nil {
			return Request{}, err
		}
		r.Operation, r.Entry, r.Product, r.ProductVersion = Create, r.ID, *refs.Product, refs.ProductVersion
		r.Values = Values{Market: refs.Market, Start: d.Start, End: d.End}
		if r.Number, err = tx.NextNumber(ctx, r.Product); err != nil {
			return Request{}, err
		}
		r.Wanted = catalogcopy.Entry{Product: d.Product, Market: d.Market, Start: d.Start.Day, End: d.End.Day}
		r.Wanted.ID, err = tx.AllotID(ctx, r.Entry)
		return r, err
	})
}

// Replace asks for both dates to be set. A date that was not sent is removed.
func (s *Service) Replace(ctx context.Context, id int64, d Draft, match condition.Match, once *condition.Once) (Request, error) {
	return s.change(ctx, Replace, id, d, match, once)
}

// Patch asks for the members that were sent to be changed.
func (s *Service) Patch(ctx context.Context, id int64, d Draft, match condition.Match, once *condition.Once) (Request, error) {
	return s.change(ctx, Patch, id, d, match, once)
}

// Delete asks for the entry to be deleted.
func (s *Service) Delete(ctx context.Context, id int64, match condition.Match, once *condition.Once) (Request, error) {
	return s.change(ctx, Delete, id, Draft{}, match, once)
}

// change sends a request for an entry that exists, or whose creation is pending.
func (s *Service) change(ctx context.Context, op Operation, id int64, d Draft, match condition.Match, once *condition.Once) (Request, error) {
	return s.send(ctx, once, func(tx Tx, r Request) (Request, error) {
		e, err := find(ctx, tx, id)
		if err != nil {
			return Request{}, err
		}
		refs, err := references(ctx, tx, d)
		if err != nil {
			return Request{}, err
		}
		r.Operation, r.Entry, r.Product, r.ProductVersion, r.Match = op, e.id, e.product, e.productVersion, match
		r.Values = Values{Product: refs.Product, Market: refs.Market, Start: d.Start, End: d.End}
		if r.Number, err = tx.NextNumber(ctx, r.Product); err != nil {
			return Request{}, err
		}
		state, err := e.expected(ctx, tx)
		r.Wanted = d.on(op, state)
		return r, err
	})
}

// send sends the request that build completes, unless there already is one of the same once.
func (s *Service) send(ctx context.Context, once *condition.Once, build func(Tx, Request) (Request, error)) (Request, error) {
	if s.cfg.Closed && once == nil {
		return Request{}, notTheOwner()
	}
	now := s.now().UTC().Truncate(time.Microsecond) // the precision of PostgreSQL
	var r Request
	err := s.store.InTx(ctx, func(tx Tx) error {
		if once != nil {
			first, found, err := tx.Recall(ctx, *once)
			if err != nil || found {
				r = first
				return err
			}
			if s.cfg.Closed {
				return notTheOwner()
			}
		}
		var err error
		if r, err = build(tx, Request{ID: s.newID(), CreatedAt: now, ExpiresAt: now.Add(s.cfg.Expiry)}); err != nil {
			return err
		}
		r.Wanted.UpdatedAt, r.Wanted.Version = now, 0
		return tx.Send(ctx, r, once)
	})
	return r, err
}

func notTheOwner() error {
	return apperr.Coded(apperr.Conflict, CodeNotTheOwner, "The catalog service owns the catalog; change it there.")
}

// references translates the ids that were sent. It fails with the owner's error for what it does not know.
func references(ctx context.Context, tx Tx, d Draft) (References, error) {
	if d.Product == 0 && d.Market == 0 {
		return References{}, nil
	}
	refs, err := tx.References(ctx, d.Product, d.Market)
	if err != nil {
		return References{}, err
	}
	var faults []apperr.FieldError
	if d.Product != 0 && refs.Product == nil {
		faults = append(faults, apperr.FieldError{Pointer: "/product", Detail: "is not known here"})
	}
	if d.Market != 0 && refs.Market == nil {
		faults = append(faults, apperr.FieldError{Pointer: "/market", Detail: "is not known here"})
	}
	if faults != nil {
		return References{}, &apperr.Error{
			Kind: apperr.Invalid, Code: "unknown-reference", Detail: "What the entry refers to is not known here.", Fields: faults,
		}
	}
	return refs, nil
}

// on returns the entry as the operation wants it.
func (d Draft) on(op Operation, e catalogcopy.Entry) catalogcopy.Entry {
	if op == Delete {
		return e
	}
	if d.Product != 0 {
		e.Product = d.Product
	}
	if d.Market != 0 {
		e.Market = d.Market
	}
	if d.Start.Sent || op == Replace {
		e.Start = d.Start.Day
	}
	if d.End.Sent || op == Replace {
		e.End = d.End.Day
	}
	return e
}

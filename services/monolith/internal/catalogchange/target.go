package catalogchange

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// The names of this package's problems.
const (
	CodeNotTheOwner = "not-the-owner"
	CodePending     = "change-pending"
	CodeRefused     = "change-refused"
)

// CreationError is the reason why there is no entry of an id that was allotted: its creation is pending, or was refused.
type CreationError struct {
	Request uuid.UUID // that asked for the entry
	reason  *apperr.Error
}

// Error implements error.
func (e *CreationError) Error() string { return e.reason.Error() }

// Unwrap returns an *apperr.Error of kind NotFound.
func (e *CreationError) Unwrap() error { return e.reason }

// Missing returns a better reason than err, why the entry is not found: its creation is pending, or was refused. It returns
// other errors as they are.
func (s *Service) Missing(ctx context.Context, id int64, err error) error {
	if apperr.KindOf(err) != apperr.NotFound {
		return err
	}
	target, err := s.store.Target(ctx, id)
	if err != nil {
		return err
	}
	create, err := creation(ctx, s.store, target, id)
	if err != nil {
		return err
	}
	return &CreationError{create.ID, apperr.Coded(apperr.NotFound, CodePending,
		fmt.Sprintf("The creation of catalog entry %d is pending, in request %s.", id, create.ID))}
}

// IsRefused reports whether the creation of the entry was refused. Then the entry never comes.
func (s *Service) IsRefused(ctx context.Context, id int64) bool {
	e, ok := apperr.As(s.Missing(ctx, id, notFound(id)))
	return ok && e.Code == CodeRefused
}

// existing is an entry that can be changed.
type existing struct {
	id             uuid.UUID
	product        uuid.UUID
	productVersion int64
	copyVersion    int64             // 0 while the entry's creation is pending
	state          catalogcopy.Entry // of the copy, or as its creation wants it
}

// find returns the entry to change. It exists, or its creation is pending: then the owner decides about the change after the
// creation.
func find(ctx context.Context, tx Tx, id int64) (existing, error) {
	target, err := tx.Target(ctx, id)
	if err != nil {
		return existing{}, err
	}
	e := existing{id: target.Entry, product: target.Product, productVersion: target.ProductVersion, copyVersion: target.Copy.Version}
	if target.Copy.Shown != nil {
		e.state = *target.Copy.Shown
		return e, nil
	}
	create, err := creation(ctx, tx, target, id)
	if err != nil {
		return existing{}, err
	}
	e.product, e.state = create.Product, create.Wanted
	e.productVersion, err = tx.ProductVersion(ctx, e.product)
	return e, err
}

// expected returns the entry as it will be if the owner accepts the requests that were sent before. Callers of a 202 see it.
// No request has it: the owner decides about the members that were sent.
func (e existing) expected(ctx context.Context, tx Tx) (catalogcopy.Entry, error) {
	latest, found, err := tx.Latest(ctx, e.id)
	switch o := latest.Outcome; {
	case err != nil || !found:
		return e.state, err
	case o == nil || o.succeeded() && o.Version > e.copyVersion:
		return latest.Wanted, nil
	default:
		return e.state, nil
	}
}

// creation returns the request that asked for an entry which the copies do not show, if the entry may still come. Otherwise
// it fails with NotFound.
func creation(ctx context.Context, requests interface {
	Request(ctx context.Context, id uuid.UUID) (Request, error)
}, target Target, id int64) (Request, error) {
	none := notFound(id)
	if target.Copy.Deleted {
		return Request{}, none
	}
	create, err := requests.Request(ctx, target.Entry)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		return Request{}, none
	case err != nil:
		return Request{}, err
	case create.Outcome != nil && !create.Outcome.succeeded():
		return Request{}, &CreationError{create.ID, apperr.Coded(apperr.NotFound, CodeRefused,
			fmt.Sprintf("The creation of catalog entry %d was refused, in request %s.", id, create.ID))}
	}
	return create, nil
}

func notFound(id int64) error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no catalog entry %d.", id))
}

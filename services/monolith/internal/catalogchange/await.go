package catalogchange

import (
	"context"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// Waiter waits until something has reached a version. It returns an error if the wait ends before, for whatever reason.
type Waiter interface {
	Wait(ctx context.Context, kind, id string, version int64) error
}

// The kinds of things that a Waiter is asked to wait for.
const (
	KindRequest = "request"            // has version 1 when it is finished
	KindCopy    = "catalog entry copy" // has the version of the copy
)

// State is what became of a request, as a caller can see it.
type State string

// The states. A change is done when the owner has made it and the copy has it too: then a caller can read what it wrote.
const (
	Pending State = "pending"
	Done    State = "done"
	NotDone State = "refused" // refused or expired
)

// Answer is a request with what became of it.
type Answer struct {
	Request
	State   State
	Overdue bool // pending, although the request has expired
	// Result is the entry after the change, if the change is done. Its version is that of the copy. If the copy no longer
	// shows the entry, Result is the entry as it was wanted.
	Result catalogcopy.Entry
}

// Get returns the request and what became of it.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Answer, error) {
	r, err := s.store.Request(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	return s.Look(ctx, r)
}

// Await waits until the request is no longer pending, or until ctx is done or the service stops. Then the answer is pending.
// It holds no connection to the database while it waits.
func (s *Service) Await(ctx context.Context, r Request) (Answer, error) {
	pending := s.pending(r)
	if r.Outcome == nil {
		if s.waiter.Wait(ctx, KindRequest, r.ID.String(), 1) != nil {
			return pending, nil
		}
		var err error
		if r, err = s.store.Request(ctx, r.ID); err != nil {
			return afterSending(ctx, pending, err)
		}
	}
	a, err := s.Look(ctx, r)
	if err != nil {
		return afterSending(ctx, pending, err)
	}
	if a.State != Pending || s.waiter.Wait(ctx, KindCopy, r.Entry.String(), r.Outcome.Version) != nil {
		return a, nil
	}
	if a, err = s.Look(ctx, r); err != nil {
		return afterSending(ctx, pending, err)
	}
	return a, nil
}

// afterSending returns the pending answer if the database did not answer. The request was sent, and will be decided.
func afterSending(ctx context.Context, pending Answer, err error) (Answer, error) {
	if ctx.Err() != nil || apperr.KindOf(err) == apperr.Unavailable {
		return pending, nil
	}
	return Answer{}, err
}

// Look returns what became of the request so far.
func (s *Service) Look(ctx context.Context, r Request) (Answer, error) {
	a := s.pending(r)
	switch {
	case r.Outcome == nil:
		return a, nil
	case !r.Outcome.succeeded():
		a.State = NotDone
		return a, nil
	}
	c, err := s.store.Copy(ctx, r.Entry)
	if err != nil || c.Version < r.Outcome.Version {
		return a, err
	}
	a.State = Done
	if c.Shown != nil {
		a.Result = *c.Shown
	} else { // it was deleted in the meantime
		a.Result = r.Wanted
		a.Result.Version, a.Result.UpdatedAt = r.Outcome.Version, r.Outcome.Time
	}
	return a, nil
}

// pending returns the answer as long as nothing more is known.
func (s *Service) pending(r Request) Answer {
	return Answer{Request: r, State: Pending, Overdue: r.Outcome == nil && s.now().After(r.ExpiresAt)}
}

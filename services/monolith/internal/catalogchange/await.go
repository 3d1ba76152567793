package catalogchange

import (
	"context"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// Waiter waits until something has reached a version. It returns an error if the wait ends earlier.
type Waiter interface {
	Wait(ctx context.Context, kind, id string, version int64) error
}

// The kinds of things that a Waiter is asked to wait for.
const (
	KindRequest = "request"            // has version 1 when it is finished
	KindCopy    = "catalog entry copy" // has the version of the copy, once the entry can be read or is deleted
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
	// Result is the entry after the change, if the change is done. Its version is that of the copy. If the entry is deleted,
	// Result is the entry as it was wanted.
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
		if !s.arrived(ctx, KindRequest, r.ID, 1) {
			return pending, nil
		}
		var err error
		if r, err = s.store.Request(ctx, r.ID); err != nil {
			return afterSending(ctx, pending, err)
		}
	}
	a, err := s.Look(ctx, r)
	if err == nil && a.State == Pending && s.arrived(ctx, KindCopy, r.Entry, r.Outcome.Version) {
		a, err = s.Look(ctx, r)
	}
	if err != nil {
		return afterSending(ctx, pending, err)
	}
	return a, nil
}

// arrived waits for a version, and reports whether it has come.
func (s *Service) arrived(ctx context.Context, kind string, id uuid.UUID, version int64) bool {
	return s.waiter.Wait(ctx, kind, id.String(), version) == nil
}

// afterSending returns the pending answer if the database did not answer: the request was sent, and will be decided.
func afterSending(ctx context.Context, pending Answer, err error) (Answer, error) {
	if ctx.Err() == nil && apperr.KindOf(err) != apperr.Unavailable {
		return Answer{}, err
	}
	return pending, nil
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
	switch {
	case err != nil || c.Version < r.Outcome.Version:
		return a, err
	case c.Shown != nil:
		a.State, a.Result = Done, *c.Shown
	case c.Deleted: // by this request or by a later change
		a.State, a.Result = Done, r.Wanted
		a.Result.Version, a.Result.UpdatedAt = r.Outcome.Version, r.Outcome.Time
	}
	return a, nil
}

// pending returns the answer as long as nothing more is known.
func (s *Service) pending(r Request) Answer {
	return Answer{Request: r, State: Pending, Overdue: r.Outcome == nil && s.now().After(r.ExpiresAt)}
}

// Latest returns what became of the last request about the entry with the monolith's own id, if there was one. The entry may
// not exist: its creation can be pending, or refused.
func (s *Service) Latest(ctx context.Context, id int64) (a Answer, found bool, err error) {
	target, err := s.store.Target(ctx, id)
	if err != nil {
		return Answer{}, false, err
	}
	r, found, err := s.store.Latest(ctx, target.Entry)
	if err != nil || !found {
		return Answer{}, false, err
	}
	a, err = s.Look(ctx, r)
	return a, err == nil, err
}

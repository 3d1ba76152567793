package httpserver

import (
	"context"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Waiters tell when the copy of something has reached a version. *wakeup.Waiters implements it.
type Waiters interface {
	// Reached reports whether it has reached the version by now.
	Reached(ctx context.Context, kind, id string, version int64) (bool, error)
	// Wait returns nil when it has reached the version.
	Wait(ctx context.Context, kind, id string, version int64) error
}

// Freshness lets clients read their own writes from a copy.
type Freshness struct {
	Waiters Waiters
	MaxWait time.Duration // longest wait that a client is granted
}

// Await returns nil when the copy has reached the version that the client wants to read, at once if it wants none. It waits
// as long as the client prefers, up to MaxWait, and not at all without a preference. Then the error is NotYet. applied is
// the value of Preference-Applied, or nil.
func (f Freshness) Await(ctx context.Context, kind, id string, minVersion *int64, prefer *string) (applied *string, err error) {
	if minVersion == nil {
		return nil, nil
	}
	var limit time.Duration
	wait, _ := Prefer(prefer)
	if wait != nil {
		limit = min(*wait, f.MaxWait)
	}
	if err := f.await(ctx, kind, id, *minVersion, limit); err != nil || wait == nil {
		return nil, err
	}
	value := PreferenceApplied(limit)
	return &value, nil
}

func (f Freshness) await(ctx context.Context, kind, id string, version int64, limit time.Duration) error {
	reached, err := f.Waiters.Reached(ctx, kind, id, version)
	if err != nil || reached {
		return err
	}
	notYet := apperr.New(apperr.NotYet, fmt.Sprintf("Version %d has not arrived here yet.", version))
	if limit <= 0 {
		return notYet
	}
	err = Pause(ctx, limit, func(ctx context.Context) error { return f.Waiters.Wait(ctx, kind, id, version) })
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // the client is gone
	default:
		return notYet.Because(err) // the time is over, or the service stops
	}
}

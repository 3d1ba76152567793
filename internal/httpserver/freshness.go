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
	limit := time.Duration(0)
	if wait, _ := Prefer(prefer); wait != nil {
		limit = min(*wait, f.MaxWait)
		value := PreferenceApplied(limit)
		applied = &value
	}
	reached, err := f.Waiters.Reached(ctx, kind, id, *minVersion)
	if err != nil || reached {
		return applied, err
	}
	notYet := apperr.New(apperr.NotYet, fmt.Sprintf("Version %d has not arrived here yet.", *minVersion))
	if limit <= 0 {
		return nil, notYet
	}
	err = Pause(ctx, limit, func(ctx context.Context) error { return f.Waiters.Wait(ctx, kind, id, *minVersion) })
	switch {
	case err == nil:
		return applied, nil
	case ctx.Err() != nil:
		return nil, ctx.Err() // the client is gone
	default:
		return nil, notYet.Because(err)
	}
}

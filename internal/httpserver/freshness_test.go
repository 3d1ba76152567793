package httpserver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// copies is a copy that has version 3 at once, and version 4 after a minute.
type copies struct{ lookup, wait error }

func (c copies) Reached(_ context.Context, _, _ string, version int64) (bool, error) {
	return version <= 3, c.lookup
}

func (c copies) Wait(ctx context.Context, _, _ string, version int64) error {
	arrives := time.After(time.Minute)
	if version > 4 {
		arrives = nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-arrives:
		return c.wait
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	stopped, away := errors.New("the service stops"), apperr.New(apperr.Unavailable, "The database is away.")
	tests := map[string]struct {
		version int64 // 0 asks for none
		prefer  string
		copies  copies
		applied string
		kind    apperr.Kind // of the error; empty without one
		after   time.Duration
	}{
		"NoVersion":    {prefer: "wait=90"},
		"Reached":      {version: 3},
		"ReachedWait":  {version: 3, prefer: "wait=90", applied: "wait=90"},
		"NoPreference": {version: 4, kind: apperr.NotYet},
		"Async":        {version: 4, prefer: "respond-async", kind: apperr.NotYet},
		"WaitZero":     {version: 4, prefer: "wait=0", kind: apperr.NotYet},
		"Arrives":      {version: 4, prefer: "wait=90", applied: "wait=90", after: time.Minute},
		"TooLate":      {version: 4, prefer: "wait=50", kind: apperr.NotYet, after: 50 * time.Second},
		"Capped":       {version: 5, prefer: "wait=900", kind: apperr.NotYet, after: 100 * time.Second},
		"Stopped":      {version: 4, prefer: "wait=90", copies: copies{wait: stopped}, kind: apperr.NotYet, after: time.Minute},
		"DatabaseAway": {version: 4, prefer: "wait=90", copies: copies{lookup: away}, kind: apperr.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var version *int64
				if tt.version != 0 {
					version = &tt.version
				}
				began := time.Now()
				fresh := httpserver.Freshness{Waiters: tt.copies, MaxWait: 100 * time.Second}
				applied, err := fresh.Await(t.Context(), "copy", "id", version, &tt.prefer)
				if (err != nil) != (tt.kind != "") || err != nil && apperr.KindOf(err) != tt.kind {
					t.Errorf("ended with %v", err)
				}
				if got := text(applied); got != tt.applied {
					t.Errorf("applied %q, want %q", got, tt.applied)
				}
				if took := time.Since(began); took != tt.after {
					t.Errorf("took %v, want %v", took, tt.after)
				}
			})
		})
	}
}

// A client that is gone gets no answer, and is not counted as one that waited in vain.
func TestAwaitOfAClientThatIsGone(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	fresh := httpserver.Freshness{Waiters: copies{}, MaxWait: time.Minute}
	prefer := "wait=5"
	if _, err := fresh.Await(ctx, "copy", "id", new(int64(4)), &prefer); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

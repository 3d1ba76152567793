package httpserver

import (
	"context"
	"errors"
	"iter"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A long list is streamed to its end if each part comes in time.
func TestBudgetIsForEachPart(t *testing.T) {
	t.Parallel()
	part := strings.Repeat("x", flushEvery)
	parts := func(ctx context.Context, each time.Duration) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for range 5 {
				select {
				case <-ctx.Done():
					yield("", context.Cause(ctx))
					return
				case <-time.After(each):
				}
				if !yield(part, nil) {
					return
				}
			}
		}
	}
	tests := map[string]struct {
		each time.Duration
		want error
	}{
		"InTime":  {900 * time.Millisecond, nil},
		"TooSlow": {1100 * time.Millisecond, errTooSlow},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, _, end := withBudget(t.Context(), time.Second)
				defer end()
				if err := StreamArray(ctx, httptest.NewRecorder(), StreamLimits{time.Minute, time.Minute}, parts(ctx, tt.each)); !errors.Is(err, tt.want) {
					t.Errorf("ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// The time that a client needs does not count, and afterwards the full budget is available again.
func TestBudgetDoesNotCountTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, b, end := withBudget(t.Context(), time.Second)
		defer end()
		<-time.After(900 * time.Millisecond)
		if _, err := b.client(func() (int, error) { <-time.After(time.Hour); return 0, nil }); err != nil {
			t.Error(err)
		}
		<-time.After(900 * time.Millisecond)
		if ctx.Err() != nil {
			t.Errorf("ended early: %v", context.Cause(ctx))
		}
		<-time.After(200 * time.Millisecond)
		if !errors.Is(context.Cause(ctx), errTooSlow) {
			t.Errorf("not ended: %v", ctx.Err())
		}
	})
}

// A wait that the client asked for does not count. Afterwards only the rest of the budget is left: budget and wait together
// bound the time until the answer.
func TestBudgetIsPausedByAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, _, end := withBudget(t.Context(), time.Second)
		defer end()
		<-time.After(600 * time.Millisecond)
		for range 2 {
			if err := Pause(ctx, time.Hour, func(context.Context) error { <-time.After(time.Minute); return nil }); err != nil {
				t.Error(err)
			}
		}
		<-time.After(300 * time.Millisecond)
		if ctx.Err() != nil {
			t.Errorf("ended early: %v", context.Cause(ctx))
		}
		<-time.After(200 * time.Millisecond)
		if !errors.Is(context.Cause(ctx), errTooSlow) {
			t.Errorf("not ended: %v", ctx.Err())
		}
	})
}

// A wait ends at its limit, and when the request ends: the client is gone, or the budget was used up before.
func TestPauseEnds(t *testing.T) {
	t.Parallel()
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		gone, leave := context.WithCancel(t.Context())
		ctx, _, end := withBudget(gone, time.Second)
		defer end()
		if err := Pause(ctx, 5*time.Second, wait); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, leave)
		if err := Pause(ctx, 5*time.Second, wait); !errors.Is(err, context.Canceled) || time.Since(began) != 6*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(began))
		}
		if err := Pause(t.Context(), time.Second, wait); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a budget it ended with %v", err)
		}
		late, _, end := withBudget(t.Context(), time.Second)
		defer end()
		<-time.After(2 * time.Second)
		if err := Pause(late, time.Hour, wait); !errors.Is(context.Cause(late), errTooSlow) || err == nil {
			t.Errorf("after the end of the budget: %v", err)
		}
	})
}

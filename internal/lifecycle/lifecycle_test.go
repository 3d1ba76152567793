package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/lifecycle"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	tests := map[string]struct {
		drain    map[string]time.Duration // how long a part takes to stop
		fails    map[string]time.Duration // when a part fails by itself
		panics   map[string]time.Duration
		returns  map[string]time.Duration // when a part ends by itself, without an error
		canceled time.Duration
		order    []string
		took     time.Duration
		err      string
	}{
		"InReverse": {
			drain: map[string]time.Duration{"http": 2 * time.Second, "consumer": time.Second}, canceled: time.Minute,
			order: []string{"http", "consumer", "relay"}, took: time.Minute + 3*time.Second,
		},
		"OneFailureStopsAll": {
			fails: map[string]time.Duration{"consumer": 5 * time.Second}, canceled: time.Hour,
			order: []string{"http", "relay"}, took: 5 * time.Second, err: "consumer: it broke",
		},
		"APanicStopsAll": {
			panics: map[string]time.Duration{"http": time.Second}, canceled: time.Hour,
			order: []string{"consumer", "relay"}, took: time.Second, err: "http: panic: a bug",
		},
		"AnEarlyEndStopsAll": {
			returns: map[string]time.Duration{"relay": time.Second}, canceled: time.Hour,
			order: []string{"http", "consumer"}, took: time.Second, err: "relay: ended before it was stopped",
		},
		"GraceIsALimit": {
			drain: map[string]time.Duration{"http": time.Hour}, canceled: time.Second,
			took: time.Second + grace, err: "http: still running 10s after the stop began",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.canceled)
				defer cancel()
				began := time.Now()
				var mu sync.Mutex
				var order []string
				part := func(name string) lifecycle.Part {
					return lifecycle.Part{Name: name, Run: func(ctx context.Context) error {
						if at, ok := tt.fails[name]; ok {
							<-time.After(at)
							return errors.New("it broke")
						}
						if at, ok := tt.panics[name]; ok {
							<-time.After(at)
							panic("a bug")
						}
						if at, ok := tt.returns[name]; ok {
							<-time.After(at)
							return nil
						}
						<-ctx.Done()
						<-time.After(tt.drain[name])
						// At the limit Run returns and releases all parts. They may stop before the test looks, which does not count.
						if time.Since(began) < tt.canceled+grace {
							mu.Lock()
							defer mu.Unlock()
							order = append(order, name)
						}
						return ctx.Err()
					}}
				}
				// A part that runs longer than the grace must end before the synctest bubble does.
				defer func() { <-time.After(2 * time.Hour) }()

				err := lifecycle.Run(ctx, grace, part("relay"), part("consumer"), part("http"))

				if took := time.Since(began); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(order, tt.order) {
					t.Errorf("stopped %v, want %v", order, tt.order)
				}
				if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
			})
		})
	}
}

package httpserver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many ask, the checks run once in a second.
func TestReadinessIsComputedOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		s := &sharedCheck{run: func(context.Context) []CheckResult {
			<-time.After(100 * time.Millisecond) // in the bubble's time
			runs.Add(1)
			return []CheckResult{{Name: "database", Status: ok}}
		}}
		for round := int64(1); round <= 3; round++ {
			var wg sync.WaitGroup
			for range 2500 {
				wg.Go(func() {
					if got, err := s.ask(t.Context()); err != nil || len(got) != 1 {
						t.Errorf("%v, %v", got, err)
					}
				})
			}
			wg.Wait()
			if _, err := s.ask(t.Context()); err != nil || runs.Load() != round {
				t.Errorf("round %d: the checks ran %d times, %v", round, runs.Load(), err)
			}
			<-time.After(checkEvery)
		}
	})
}

// A run that takes longer than a second is not joined by a second one.
func TestSlowChecksDoNotPileUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		s := &sharedCheck{run: func(context.Context) []CheckResult {
			runs.Add(1)
			<-time.After(3 * checkEvery)
			return nil
		}}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _, _ = s.ask(t.Context()) })
			<-time.After(checkEvery)
			synctest.Wait()
		}
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("the checks ran %d times", runs.Load())
		}
	})
}

// Who goes away spoils the answer of nobody else: the checks do not see that the first asker is gone.
func TestAnAskerThatGoesAwaySpoilsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sharedCheck{run: func(ctx context.Context) []CheckResult {
			select {
			case <-ctx.Done():
				return []CheckResult{{Name: "database", Status: down}}
			case <-time.After(time.Second / 2):
				return []CheckResult{{Name: "database", Status: ok}}
			}
		}}
		first, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { _, err := s.ask(first); left <- err }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the first got %v", err)
		}
		if got, err := s.ask(t.Context()); err != nil || got[0].Status != ok {
			t.Errorf("the second got %v, %v", got, err)
		}
	})
}

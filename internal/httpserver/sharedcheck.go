package httpserver

import (
	"context"
	"sync"
	"time"
)

// checkEvery is the shortest time between two begins of the checks. Many monitors may ask, and the checks use connections.
const checkEvery = time.Second

// sharedCheck runs the checks at most once in checkEvery, for all who ask. An answer is at most that old, or as old as the
// checks take.
type sharedCheck struct {
	run func(ctx context.Context) []CheckResult

	mu   sync.Mutex
	last *checkRun // nil before the first
}

type checkRun struct {
	began   time.Time
	done    chan struct{} // closed when results are there
	results []CheckResult
	answer  known // of /readyz
}

// ask returns the results of the last run, or of a new one. It fails only if ctx ends first. The run goes on then, because
// others may wait for it.
func (s *sharedCheck) ask(ctx context.Context) ([]CheckResult, error) {
	run := s.current(ctx)
	select {
	case <-run.done:
		return run.results, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *sharedCheck) current(ctx context.Context) *checkRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && (!s.last.ended() || s.last.fresh()) {
		return s.last
	}
	run := &checkRun{began: time.Now(), done: make(chan struct{})}
	s.last = run
	go func() {
		defer close(run.done)
		run.results = s.run(context.WithoutCancel(ctx))
		answer, status := summary(run.results)
		run.answer = known{status, encoded(answer)}
	}()
	return run
}

// known returns the answer of the last run, or nil if that is too old or has not ended.
func (s *sharedCheck) known() *known {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || !s.last.ended() || !s.last.fresh() {
		return nil
	}
	return &s.last.answer
}

func (r *checkRun) fresh() bool { return time.Since(r.began) < checkEvery }

func (r *checkRun) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

package admission_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

func isOverloaded(err error) bool {
	e, ok := apperr.As(err)
	return ok && e.Kind == apperr.Unavailable && e.Name() == "overloaded"
}

// Large bodies are checked on half of the CPUs. A request that finds no place waits for one, until its context ends. More than may
// wait are refused at once.
func TestLargeBodiesLeaveCPUs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := small()
		var checks []func()
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			done, err := g.Large(t.Context(), admission.Write)
			if err != nil {
				t.Fatal(err)
			}
			checks = append(checks, done)
		}
		ctx, giveUp := context.WithCancel(t.Context())
		const waiting = 64
		ends := make(chan error, waiting)
		for i := range waiting {
			own := ctx
			if i == 0 {
				own = t.Context()
			}
			go func() {
				done, err := g.Large(own, admission.Write)
				if err == nil {
					done()
				}
				ends <- err
			}()
			synctest.Wait()
		}
		if len(ends) != 0 {
			t.Fatal("a request does not wait for a place")
		}
		if _, err := g.Large(t.Context(), admission.Write); !isOverloaded(err) {
			t.Errorf("beyond those that may wait: %v", err)
		}
		metrics(t, g, `http_refused_requests_total{class="write",reason="in_flight"} 1`)
		giveUp()
		for range waiting - 1 {
			if err := <-ends; !isOverloaded(err) {
				t.Errorf("a request whose context has ended: %v", err)
			}
		}
		checks[0]()
		if err := <-ends; err != nil {
			t.Errorf("a request that waits: %v", err)
		}
	})
}

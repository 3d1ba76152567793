package admission_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

func isLocked(err error) bool {
	e, ok := apperr.As(err)
	return ok && e.Kind == apperr.Unavailable && e.Name() == "locked"
}

// Changes of one entity take no more than their places. Changes of others, and what changes no entity, go on.
func TestOneEntityTakesNotEverything(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{Writes: 10}, admission.Entities{Running: 2, Wait: 20 * time.Millisecond})
	change := func(entity string) (func(error), error) {
		_, leave, err := g.Enter(t.Context(), admission.Write, entity)
		return leave, err
	}
	first, err := change("/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change("/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := change("/a"); !isLocked(err) {
		t.Errorf("a third change of the entity: %v", err)
	}
	metrics(t, g, `http_refused_requests_total{class="write",reason="lock"} 1`, `http_admitted_requests{class="write"} 2`)
	for _, entity := range []string{"/b", "", "", ""} {
		if _, err := change(entity); err != nil {
			t.Errorf("a change of %q: %v", entity, err)
		}
	}
	first(nil)
	if _, err := change("/a"); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// A change that waits runs when another one has ended. A request that ends before does not run.
func TestAChangeWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{}, admission.Entities{Running: 1, Wait: time.Minute})
	_, leave, err := g.Enter(t.Context(), admission.Write, "/a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := g.Enter(ctx, admission.Write, "/a"); !isLocked(err) {
		t.Errorf("a request that has ended: %v", err)
	}
	entered := make(chan error, 1)
	go func() {
		_, _, err := g.Enter(t.Context(), admission.Write, "/a")
		entered <- err
	}()
	leave(nil)
	if err := <-entered; err != nil {
		t.Error(err)
	}
}

// Many changes of one entity do not use up the limit of their class by waiting.
func TestTooManyChangesOfOneEntity(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{Writes: 40}, admission.Entities{Running: 1, Wait: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 40)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, _, err := g.Enter(ctx, admission.Write, "/a")
			ended <- err
		})
	}
	for range 40 - 15 { // one runs, and the others are refused at once; 15 wait
		if err := <-ended; err != nil && !isLocked(err) {
			t.Error(err)
		}
	}
	if _, _, err := g.Enter(t.Context(), admission.Write, "/b"); err != nil {
		t.Errorf("a change of another entity: %v", err)
	}
	cancel()
	all.Wait()
	metrics(t, g, `http_admitted_requests{class="write"} 2`)
}

// A change that waits for its outcome has made its change, and leaves its turn to others.
func TestAWaitingChangeLeavesItsTurn(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{}, admission.Entities{Running: 1, Wait: time.Minute})
	ctx, leave, err := g.Enter(t.Context(), admission.Write, "/a")
	if err != nil {
		t.Fatal(err)
	}
	resume, ok := admission.Wait(ctx)
	if !ok {
		t.Fatal("it may not wait")
	}
	_, other, err := g.Enter(t.Context(), admission.Write, "/a")
	if err != nil {
		t.Fatalf("while the first one waits: %v", err)
	}
	resume()
	leave(nil)
	other(nil)
	if _, _, err := g.Enter(t.Context(), admission.Write, "/a"); err != nil {
		t.Errorf("after both: %v", err)
	}
}

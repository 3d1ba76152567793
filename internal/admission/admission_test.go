package admission_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

// small is a gate with one place for each class, and for requests that wait.
func small() *admission.Gate {
	return admission.New(admission.Settings{Reads: 1, Lists: 1, Writes: 1, Waits: 1}, admission.Entities{})
}

// enter admits a request, or fails the test.
func enter(t *testing.T, g *admission.Gate, class admission.Class) (context.Context, func(error)) {
	t.Helper()
	ctx, leave, err := g.Enter(t.Context(), class, "")
	if err != nil {
		t.Fatalf("%s is refused: %v", class, err)
	}
	return ctx, leave
}

// metrics compares some metrics of the gate.
func metrics(t *testing.T, g *admission.Gate, want ...string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(g)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, line := range want {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("the metrics lack %q:\n%s", line, w.Body)
		}
	}
}

// A class that is full takes no request, and takes nothing away from the other classes.
func TestAFullClassRefuses(t *testing.T) {
	t.Parallel()
	for _, full := range admission.Classes() {
		g := small()
		ctx, leave := enter(t, g, full)
		if admission.Of(ctx) != full {
			t.Errorf("the context of a %s has the class %q", full, admission.Of(ctx))
		}
		_, _, err := g.Enter(t.Context(), full, "")
		if e, ok := apperr.As(err); !ok || e.Kind != apperr.Unavailable || e.Name() != "overloaded" {
			t.Errorf("a second %s: %v", full, err)
		}
		metrics(t, g, `http_refused_requests_total{class="`+string(full)+`",reason="in_flight"} 1`, `http_admitted_requests{class="`+string(full)+`"} 1`)
		for _, other := range admission.Classes() {
			if other != full {
				enter(t, g, other)
			}
		}
		leave(nil)
		enter(t, g, full)
	}
}

// Refusals that come from the database are counted by their reason.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	g := small()
	for _, err := range []error{admission.Overloaded("no connection"), admission.Locked(), admission.Locked(), errors.New("another fault"), nil} {
		_, leave := enter(t, g, admission.Write)
		leave(err)
	}
	metrics(t, g, `http_refused_requests_total{class="write",reason="connection"} 1`, `http_refused_requests_total{class="write",reason="lock"} 2`,
		`http_refused_requests_total{class="write",reason="in_flight"} 0`, `http_refused_requests_total{class="read",reason="lock"} 0`)
}

// A request that waits for a change leaves its place to others, and comes back even if that is taken.
func TestAWaitGivesUpThePlace(t *testing.T) {
	t.Parallel()
	g := small()
	waiting, leave := enter(t, g, admission.Write)
	resume, ok := admission.Wait(waiting)
	if !ok {
		t.Fatal("the first request must not wait")
	}
	other, leaveOther := enter(t, g, admission.Write)
	metrics(t, g, "http_waiting_requests 1", `http_admitted_requests{class="write"} 1`)
	if _, ok := admission.Wait(other); ok {
		t.Error("two requests wait, but one is the limit")
	}
	metrics(t, g, `http_refused_requests_total{class="write",reason="wait"} 1`)
	resume()
	metrics(t, g, "http_waiting_requests 0", `http_admitted_requests{class="write"} 2`)
	leave(nil)
	leaveOther(nil)
	enter(t, g, admission.Write)
}

// Work that is not a request has no class, and may always wait.
func TestOutsideOfRequests(t *testing.T) {
	t.Parallel()
	if class := admission.Of(t.Context()); class != "" {
		t.Errorf("the class is %q", class)
	}
	resume, ok := admission.Wait(t.Context())
	resume()
	if !ok {
		t.Error("must not wait")
	}
}

// There are never more requests than places, and each place is given back.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{Writes: 3}, admission.Entities{})
	inside := make(chan struct{}, 3)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, leave, err := g.Enter(t.Context(), admission.Write, "")
			if err != nil {
				return
			}
			defer leave(nil)
			select {
			case inside <- struct{}{}:
				<-inside
			default:
				t.Error("more than 3 requests at the same time")
			}
		})
	}
	all.Wait()
	metrics(t, g, `http_admitted_requests{class="write"} 0`)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]admission.Settings{
		"HTTP_MAX_READS": {Lists: 1, Slow: 1, Writes: 1, Waits: 1}, "HTTP_MAX_LISTS": {Reads: 1, Lists: -1, Slow: 1, Writes: 1, Waits: 1},
		"HTTP_MAX_WRITES": {Reads: 1, Lists: 1, Slow: 1, Waits: 1}, "HTTP_MAX_WAITS": {Reads: 1, Lists: 1, Slow: 1, Writes: 1},
		"HTTP_MAX_SLOW_READERS": {Reads: 1, Lists: 1, Writes: 1, Waits: 1},
	} {
		var faults []string
		limits.Validate(func(ok bool, variable, _ string, _ ...any) {
			if !ok {
				faults = append(faults, variable)
			}
		})
		if len(faults) != 1 || faults[0] != name {
			t.Errorf("%+v has the faults %v, want %s", limits, faults, name)
		}
	}
}

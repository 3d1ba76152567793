package admission_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

// sent sends a part that the client takes at once.
func sent(t *testing.T, ctx context.Context) { //nolint:revive // the context belongs to a request of the test
	t.Helper()
	if n, err := admission.Send(ctx, func() { t.Error("it was cut off") }, func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
}

// isCut reports whether an error ends an answer that has begun. Its kind is known, but it counts as no refusal of another kind.
func isCut(err error) bool {
	e, ok := apperr.As(err)
	return ok && e.Kind == apperr.Unavailable && e.Code == ""
}

// A request has no place while it sends, and takes one of those for later parts afterwards.
func TestASendGivesUpThePlace(t *testing.T) {
	t.Parallel()
	g := small()
	stream, leave := enter(t, g, admission.List)
	_, err := admission.Send(stream, func() {}, func() (int, error) {
		metrics(t, g, "http_sending_requests 1", `http_admitted_requests{class="list"} 0`)
		_, leave := enter(t, g, admission.List)
		leave(nil)
		return 0, io.ErrClosedPipe
	})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error of the write became %v", err)
	}
	metrics(t, g, "http_sending_requests 0", `http_admitted_requests{class="list"} 0`)
	for range 2 { // the second time it has a place already
		if err := admission.Next(stream); err != nil {
			t.Fatal(err)
		}
		metrics(t, g, `http_admitted_requests{class="list"} 1`)
	}
	_, leaveOther := enter(t, g, admission.List) // a new list does not wait for the parts of others
	metrics(t, g, `http_admitted_requests{class="list"} 2`)
	leave(nil)
	leaveOther(nil)
	metrics(t, g, `http_admitted_requests{class="list"} 0`)
	enter(t, g, admission.List)
}

// A change leaves its turn while its answer is sent.
func TestASendLeavesTheTurn(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{}, admission.Entities{Running: 1, Wait: time.Minute})
	ctx, leave, err := g.Enter(t.Context(), admission.Write, "/a")
	if err != nil {
		t.Fatal(err)
	}
	sent(t, ctx)
	_, other, err := g.Enter(t.Context(), admission.Write, "/a")
	if err != nil {
		t.Fatal(err)
	}
	leave(nil)
	other(nil)
	metrics(t, g, `http_admitted_requests{class="write"} 0`)
}

// There are places for a sixteenth of the limit. Who gets none waits for one, but not longer than its request may take. More than
// may wait fail at once.
func TestNextWaitsForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.New(admission.Settings{Lists: 32, Slow: 1}, admission.Entities{})
		var streams []context.Context
		var leaves []func(error)
		for range 4 {
			ctx, leave := enter(t, g, admission.List)
			sent(t, ctx)
			streams, leaves = append(streams, ctx), append(leaves, leave)
		}
		for _, ctx := range streams[:2] {
			if err := admission.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		limited, cancel := context.WithTimeout(streams[2], time.Second)
		defer cancel()
		began := time.Now()
		if err := admission.Next(limited); !isCut(err) || time.Since(began) != time.Second {
			t.Errorf("without a place: %v after %s", err, time.Since(began))
		}
		waited := make(chan error)
		go func() { waited <- admission.Next(streams[2]) }()
		synctest.Wait()
		if err := admission.Next(streams[3]); !isCut(err) {
			t.Errorf("two wait: %v", err)
		}
		metrics(t, g, `http_refused_requests_total{class="list",reason="stream"} 1`)
		leaves[0](nil)
		if err := <-waited; err != nil {
			t.Errorf("with a place: %v", err)
		}
		for _, leave := range leaves[1:] {
			leave(nil)
		}
		metrics(t, g, `http_admitted_requests{class="list"} 0`)
	})
}

// If too many clients are slow, the answer that has waited longest is cut off.
func TestTheSlowestIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := admission.New(admission.Settings{Slow: 2}, admission.Entities{})
		blocked := func() (cut chan struct{}, ended chan error) {
			cut, ended = make(chan struct{}), make(chan error, 1)
			ctx, leave := enter(t, g, admission.List)
			go func() {
				_, err := admission.Send(ctx, func() { close(cut) }, func() (int, error) { <-cut; return 0, nil })
				leave(err)
				ended <- err
			}()
			synctest.Wait()
			return cut, ended
		}
		cutFirst, first := blocked()
		cutSecond, second := blocked()
		ctx, _ := enter(t, g, admission.List)
		sent(t, ctx)
		if synctest.Wait(); len(first) == 0 {
			t.Error("the slowest is not cut off")
			close(cutFirst)
		}
		if err := <-first; !isCut(err) {
			t.Errorf("the slowest ended with %v", err)
		}
		sent(t, ctx) // now there is room
		metrics(t, g, "http_sending_requests 1", `http_refused_requests_total{class="list",reason="stream"} 1`,
			`http_refused_requests_total{class="list",reason="connection"} 0`)
		close(cutSecond)
		if err := <-second; err != nil {
			t.Errorf("the other one ended with %v", err)
		}
	})
}

// The writer cuts off a client that does not read.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	g := admission.New(admission.Settings{Slow: 1}, admission.Entities{})
	ended := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, leave, err := g.Enter(r.Context(), admission.List, "")
		if err != nil {
			t.Error(err)
			return
		}
		w = admission.Writer(ctx, w)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		_, err = w.Write(make([]byte, 64<<20)) // far more than the buffers of the connection
		leave(err)
		ended <- err
	}))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // it was not read
	ctx, _ := enter(t, g, admission.List)
	for deadline := time.After(30 * time.Second); ; {
		// The client is the slowest once its write has begun. Until then, it may be the one that cuts off this write.
		_, _ = admission.Send(ctx, func() {}, func() (int, error) { return 0, nil })
		select {
		case err := <-ended:
			if !isCut(err) {
				t.Errorf("ended with %v", err)
			}
			return
		case <-deadline:
			t.Fatal("it still waits")
		default:
		}
	}
}

// Work that is not a request sends as it likes.
func TestSendOutsideOfRequests(t *testing.T) {
	t.Parallel()
	sent(t, t.Context())
	if err := admission.Next(t.Context()); err != nil {
		t.Error(err)
	}
}

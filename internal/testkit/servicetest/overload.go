package servicetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// Request is a request with the status of its answer.
type Request struct {
	Method, Path, Body string
	Status             int
}

// Overload is a service whose clients want more than it can do.
type Overload struct {
	URL      string // of the service
	Database string
	Lock     string // the statement by which another session takes a lock
	// Flood is the request that needs the lock. Many clients send it again and again.
	Flood Request
	// Others need no lock. Each one must get its answer.
	Others []Request
	// Meanwhile, if set, tries what else must go on, such as the consumer.
	Meanwhile func()
}

// HotRow tests that many changes of one locked row stop nothing else, and that the row can be changed afterwards.
func HotRow(t *testing.T, o Overload) {
	t.Helper()
	release := hold(t, o.Database, o.Lock)
	end := o.flood(t, 40, "locked", "unavailable")
	defer end()
	o.refused(t, "write", "lock")
	o.others(t)
	release()
	end()
	eventually(t, "the row can be changed", func() bool { // requests of clients that have left end first
		status, _ := o.send(t, o.Flood)
		return status == o.Flood.Status
	})
}

// HangingLists tests that lists that hang, and so take all connections of lists, stop nothing else.
func HangingLists(t *testing.T, o Overload) {
	t.Helper()
	release := hold(t, o.Database, o.Lock)
	end := o.flood(t, 20, "locked", "overloaded", "unavailable")
	defer end()
	o.refused(t, "list", "lock")
	o.refused(t, "list", "connection")
	o.others(t)
	release()
	end()
	eventually(t, "the list is answered", func() bool {
		status, _ := o.send(t, o.Flood)
		return status == o.Flood.Status
	})
}

// others sends the requests that need no lock. They must not be refused. Only if the service could not open a new connection in
// time, as on a busy machine, a request is sent again.
func (o Overload) others(t *testing.T) {
	t.Helper()
	for _, r := range o.Others {
		eventually(t, r.Method+" "+r.Path+" succeeds", func() bool {
			status, text := o.send(t, r)
			if status != r.Status && !strings.Contains(text, "/problems/unavailable") {
				t.Fatalf("%s %s is answered with %d, want %d: %s", r.Method, r.Path, status, r.Status, text)
			}
			return status == r.Status
		})
	}
	if o.Meanwhile != nil {
		o.Meanwhile()
	}
}

// flood sends the request from many clients, again and again, until end is called. It fails the test for each answer that is
// neither a success nor 503 with Retry-After and one of the problems. "unavailable" may be one of them on a busy machine, where a
// new connection to the database takes too long.
func (o Overload) flood(t *testing.T, clients int, problems ...string) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				o.floodOnce(ctx, t, problems)
			}
		})
	}
	return sync.OnceFunc(func() {
		stop()
		all.Wait()
	})
}

func (o Overload) floodOnce(ctx context.Context, t *testing.T, problems []string) {
	res, err := o.do(ctx, o.Flood)
	if err != nil {
		if ctx.Err() == nil { // otherwise the flood has ended
			t.Error(err)
		}
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode < 300 {
		return
	}
	for _, problem := range problems {
		if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "" && strings.Contains(string(text), "/problems/"+problem) {
			return
		}
	}
	t.Errorf("%s %s is answered with %d, Retry-After %q, %s", o.Flood.Method, o.Flood.Path, res.StatusCode, res.Header.Get("Retry-After"), text)
}

// send sends a request, and returns the status and the body of its answer.
func (o Overload) send(t *testing.T, r Request) (status int, text string) {
	t.Helper()
	res, err := o.do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (o Overload) do(ctx context.Context, r Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, o.URL+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true // so that no idle connection is left at the end of the test
	return http.DefaultClient.Do(req)
}

// refused waits until the metrics show requests of a class that were refused for a reason.
func (o Overload) refused(t *testing.T, class, reason string) {
	t.Helper()
	series := fmt.Sprintf("http_refused_requests_total{class=%q,reason=%q} ", class, reason)
	eventually(t, class+" requests are refused because of "+reason, func() bool {
		_, text := o.send(t, Request{Method: http.MethodGet, Path: "/metrics"})
		return strings.Contains(text, series) && !strings.Contains(text, series+"0\n")
	})
}

// hold begins a transaction with a statement that takes a lock. release ends it.
func hold(t *testing.T, database, statement string) (release func()) {
	t.Helper()
	tx, err := pgtest.Open(t, database).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // does nothing after the release
	if _, err := tx.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("timed out waiting until " + what)
		}
	}
}

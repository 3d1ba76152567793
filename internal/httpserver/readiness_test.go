package httpserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// AskReadiness understands the answers of /readyz.
func TestAskReadiness(t *testing.T) {
	t.Parallel()
	bad := func(context.Context) error {
		return errors.Join(errors.New("a broker is away"), errors.New("so is another"))
	}
	good := func(context.Context) error { return nil }
	tests := map[string]struct {
		checks        []httpserver.Check
		want          string
		ready, usable bool
	}{
		"all is well": {[]httpserver.Check{{Name: "database", Critical: true, Ask: good}}, "ready", true, true},
		"degraded": {[]httpserver.Check{{Name: "database", Critical: true, Ask: good}, {Name: "kafka", Ask: bad}},
			"degraded: kafka: a broker is away, so is another", false, true},
		"unavailable": {[]httpserver.Check{{Name: "kafka", Ask: bad}, {Name: "database", Critical: true, Ask: bad}},
			"unavailable: kafka: a broker is away, so is another; database: a broker is away, so is another", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil, func(c *httpserver.Config) { c.Checks = tt.checks })
			got, err := httpserver.AskReadiness(t.Context(), b.server.Addr())
			if err != nil || got.String() != tt.want || got.Ready() != tt.ready || got.Usable() != tt.usable {
				t.Errorf("%q, ready: %t, usable: %t, %v; want %q", got, got.Ready(), got.Usable(), err, tt.want)
			}
		})
	}
}

// 2,500 probes at once run the checks once, and all of them get the answer.
func TestManyProbesShareOneAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		server := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), Checks: []httpserver.Check{
			{Name: "database", Critical: true, Ask: func(context.Context) error {
				if runs.Add(1) > 1 {
					return errors.New("all connections are in use")
				}
				<-time.After(time.Second / 2) // in the bubble's time
				return nil
			}},
		}}, slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		for range 2500 {
			wg.Go(func() {
				req, res := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody), httptest.NewRecorder()
				server.Handler().ServeHTTP(res, req)
				if res.Code != http.StatusOK {
					t.Errorf("answered %d %s", res.Code, res.Body)
				}
			})
		}
		wg.Wait()
		if runs.Load() != 1 {
			t.Errorf("the checks ran %d times", runs.Load())
		}
	})
}

// The answer of another program on the port is an error.
func TestAskReadinessOfSomethingElse(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no JSON": "<html>", "other JSON": "{}", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
			defer other.Close()
			_, err := httpserver.AskReadiness(t.Context(), strings.TrimPrefix(other.URL, "http://"))
			if err == nil || !strings.Contains(err.Error(), "does not answer as /readyz does") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8000": "localhost:8000", "0.0.0.0:8000": "localhost:8000", "[::]:8000": "localhost:8000",
		"127.0.0.1:8000": "127.0.0.1:8000", "[::1]:8000": "[::1]:8000", "db.example:80": "db.example:80",
	} {
		if got := httpserver.ClientAddr(addr); got != want {
			t.Errorf("clients of %s use %s, want %s", addr, got, want)
		}
	}
}

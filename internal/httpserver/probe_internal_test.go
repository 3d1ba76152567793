package httpserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// probedServer is a server with one check, and the number of requests that have reached its router.
type probedServer struct {
	*Server
	routed int
	checks int
}

func newProbedServer(level slog.Level, critical bool, fault error) *probedServer {
	s := &probedServer{}
	s.Server = New(Config{
		Service: "test", Addr: "127.0.0.1:0", Prefix: "/below", RequestTimeout: time.Second, Registry: prometheus.NewRegistry(),
		Checks: []Check{{Name: "part", Critical: critical, Ask: func(context.Context) error {
			s.checks++
			return fault
		}}},
	}, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level})))
	s.Echo.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			s.routed++
			return next(c)
		}
	})
	return s
}

func (s *probedServer) ask(t *testing.T, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	req.Host = "127.0.0.1"
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	return w
}

// Nobody can tell whether the router has answered a probe.
func TestKnownAnswersAreTheSame(t *testing.T) {
	t.Parallel()
	for _, critical := range []bool{false, true} {
		for _, fault := range []error{nil, errors.New("it is <away>")} {
			quick, slow := newProbedServer(slog.LevelInfo, critical, fault), newProbedServer(slog.LevelDebug, critical, fault)
			quick.ask(t, "GET", "/readyz")
			slow.ask(t, "GET", "/readyz")
			routed := quick.routed
			for _, path := range []string{"/livez", "/readyz", "/below/livez", "/below/readyz"} {
				for _, method := range []string{"GET", "HEAD"} {
					got, want := quick.ask(t, method, path, "X-Request-Id", "mine"), slow.ask(t, method, path, "X-Request-Id", "mine")
					for _, header := range []http.Header{got.Header(), want.Header()} {
						if header.Get("Retry-After") != "" {
							header.Set("Retry-After", "a random time")
						}
					}
					if got.Code != want.Code || got.Body.String() != want.Body.String() || !reflect.DeepEqual(got.Header(), want.Header()) {
						t.Errorf("%s %s: %d %v %s\nwant %d %v %s", method, path, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
					}
				}
			}
			if quick.routed != routed {
				t.Errorf("%d probes have reached the router", quick.routed-routed)
			}
			if got, want := testutil.CollectAndCount(quick.duration), testutil.CollectAndCount(slow.duration); got != want || got < 8 {
				t.Errorf("the metrics have %d series, want %d", got, want)
			}
			if id := quick.ask(t, "GET", "/livez").Header().Get(headerRequestID); len(id) < 30 {
				t.Errorf("the request id is %q", id)
			}
		}
	}
}

// An answer is known for a second. Many probes cost one check, and neither the router nor the middlewares work for them.
func TestManyProbesAreAnsweredFromWhatIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newProbedServer(slog.LevelInfo, true, nil)
		for round := 1; round <= 3; round++ {
			for range 2500 {
				if w := s.ask(t, "GET", "/readyz"); w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				synctest.Wait() // until the check has ended
			}
			if s.checks != round || s.routed != round {
				t.Errorf("round %d: %d checks, %d probes have reached the router", round, s.checks, s.routed)
			}
			<-time.After(checkEvery)
		}
	})
}

// The router answers what is not a plain probe, and what is refused.
func TestOnlyPlainProbesAreAnsweredEarly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method, target string
		header         []string
		status         int
	}{
		"Query":       {"GET", "/livez?pretty", nil, 200},
		"Method":      {"POST", "/livez", nil, 405},
		"ForeignHost": {"GET", "/livez", []string{"Host", "evil.example"}, 421},
		"Slash":       {"GET", "/livez/", nil, 200},
		"Encoded":     {"GET", "/%6Civez", nil, 200},
		"OtherPath":   {"GET", "/livez/x", nil, 404},
	} {
		s := newProbedServer(slog.LevelInfo, true, nil)
		if w := s.ask(t, tt.method, tt.target, tt.header...); w.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, tt.status, w.Body)
		}
		if routed := tt.status != http.StatusMisdirectedRequest; routed != (s.routed == 1) {
			t.Errorf("%s: %d requests have reached the router", name, s.routed)
		}
	}
	s := newProbedServer(slog.LevelInfo, true, nil)
	s.ask(t, "GET", "/readyz")
	s.stopping.Store(true)
	if w := s.ask(t, "GET", "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), stopping) {
		t.Errorf("during a stop: %d %s", w.Code, w.Body)
	}
}

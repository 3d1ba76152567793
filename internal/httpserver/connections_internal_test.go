package httpserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	const a, b = "192.0.2.1", "192.0.2.2"
	tests := map[string]struct {
		limits ConnectionLimits
		peers  []string
		want   string // what the last one is beyond
	}{
		"no limits":                        {ConnectionLimits{}, []string{a, a, a}, ""},
		"as many as may be":                {ConnectionLimits{3, 2}, []string{a, a, b}, ""},
		"too many in all":                  {ConnectionLimits{3, 2}, []string{a, a, b, b}, limitAll},
		"too many of a peer":               {ConnectionLimits{9, 2}, []string{a, b, a, a}, limitPeer},
		"other peers are let in":           {ConnectionLimits{9, 2}, []string{a, a, a, b}, ""},
		"a trusted proxy has no own limit": {ConnectionLimits{9, 2}, []string{"10.1.1.1", "10.1.1.1", "10.1.1.1"}, ""},
		"a trusted proxy counts for all":   {ConnectionLimits{2, 2}, []string{"10.1.1.1", "10.1.1.1", "10.1.1.1"}, limitAll},
		"one host's network of IPv6":       {ConnectionLimits{9, 2}, []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}, limitPeer},
		"two networks of IPv6":             {ConnectionLimits{9, 2}, []string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::3"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConnections(listenerAPI, Config{
				Connections: tt.limits, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			}, newConnectionMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
			var got string
			var open []netip.Addr
			for _, text := range tt.peers {
				peer := netip.MustParseAddr(text)
				if got = c.admit(peer); got == "" {
					open = append(open, peer)
				}
			}
			if got != tt.want || testutil.ToFloat64(c.open) != float64(len(open)) {
				t.Errorf("beyond %q, %v open", got, testutil.ToFloat64(c.open))
			}
			for _, peer := range open {
				c.release(peer)
			}
			if len(c.byPeer) != 0 || c.all != 0 || testutil.ToFloat64(c.open) != 0 {
				t.Errorf("%d of %v are left", c.all, c.byPeer)
			}
		})
	}
}

// The log has a line for the first event, and then one in logEvery.
func TestPaced(t *testing.T) {
	t.Parallel()
	var p paced
	now := time.Now()
	for i, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {0, 0}, {logEvery - 1, 0}, {logEvery, 3}, {logEvery + 1, 0}, {2 * logEvery, 2}} {
		if got := p.add(now.Add(step.after)); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
}

// runServer runs a server until the test ends, whose listener is changed by wrap.
func runServer(t *testing.T, limits ConnectionLimits, wrap func(net.Listener) net.Listener) (*Server, *syncBuffer) {
	t.Helper()
	log := &syncBuffer{}
	s := New(Config{Addr: "127.0.0.1:0", OperationsAddr: "127.0.0.1:0", Connections: limits, Registry: prometheus.NewRegistry()},
		slog.New(slog.NewTextHandler(log, nil)))
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if wrap != nil {
		s.listener = wrap(s.listener)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, log
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	return dialTo(t, s.Addr())
}

func dialTo(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// ask sends a request on a connection that stays open, and returns the first line of its answer.
func ask(conn net.Conn) (string, error) { return askFor(conn, "/openapi.yaml") }

func askFor(conn net.Conn, path string) (string, error) {
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return "", err
	}
	line := make([]byte, len("HTTP/1.1 200"))
	_, err := io.ReadFull(conn, line)
	return string(line), err
}

// A connection beyond the limit is closed at once, counted and logged in one line. The others are served. When one ends,
// the next one is served again.
func TestConnectionsBeyondTheLimitAreClosed(t *testing.T) {
	t.Parallel()
	s, log := runServer(t, ConnectionLimits{All: 9, PerPeer: 2}, nil)
	first, second := dial(t, s), dial(t, s)
	for _, conn := range []net.Conn{first, second} {
		if line, err := ask(conn); line != "HTTP/1.1 200" {
			t.Errorf("%q, %v", line, err)
		}
	}
	for range 5 {
		if n, err := dial(t, s).Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read %d, %v", n, err)
		}
	}
	if got := testutil.ToFloat64(s.connections.refused.WithLabelValues(limitPeer)); got != 5 {
		t.Errorf("%v are counted", got)
	}
	if got := strings.Count(log.String(), "connections were refused"); got != 1 {
		t.Errorf("%d lines: %s", got, log)
	}
	_ = first.Close()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if line, _ := ask(dial(t, s)); line == "HTTP/1.1 200" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no connection is served after another one has ended")
		}
	}
}

// Each listener has the limits for itself, and its own metrics.
func TestOperationsHaveTheirOwnLimits(t *testing.T) {
	t.Parallel()
	s, log := runServer(t, ConnectionLimits{All: 2, PerPeer: 1}, nil)
	if line, err := ask(dial(t, s)); line != "HTTP/1.1 200" {
		t.Errorf("the API: %q, %v", line, err)
	}
	if line, err := askFor(dialTo(t, s.OperationsAddr()), "/livez"); line != "HTTP/1.1 200" {
		t.Errorf("operations, while the API has all its connections: %q, %v", line, err)
	}
	for range 3 {
		if n, err := dialTo(t, s.OperationsAddr()).Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read %d, %v", n, err)
		}
	}
	const want = `
# HELP http_connections Open connections of clients.
# TYPE http_connections gauge
http_connections{listener="api"} 1
http_connections{listener="operations"} 1
# HELP http_connections_refused_total Connections that were closed at once, by the limit that they were beyond.
# TYPE http_connections_refused_total counter
http_connections_refused_total{limit="all",listener="api"} 0
http_connections_refused_total{limit="peer",listener="api"} 0
http_connections_refused_total{limit="all",listener="operations"} 0
http_connections_refused_total{limit="peer",listener="operations"} 3
`
	if err := testutil.GatherAndCompare(s.cfg.Registry, strings.NewReader(want), "http_connections", "http_connections_refused_total"); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "connections were refused") != 1 || !strings.Contains(text, "listener=operations") {
		t.Errorf("the log is %s", text)
	}
}

// The log tells of each limit apart: the first refusal by one is not hidden by those of the other.
func TestRefusalsAreLoggedByLimit(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	c := newConnections(listenerAPI, Config{}, newConnectionMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(log, nil)))
	for _, limit := range []string{limitPeer, limitPeer, limitAll, limitAll} {
		here, there := net.Pipe()
		c.refuse(here, netip.MustParseAddr("192.0.2.1"), limit)
		_ = there.Close() // the other end is closed already
	}
	for _, want := range []string{"count=1 limit=peer", "count=1 limit=all"} {
		if got := strings.Count(log.String(), want); got != 1 {
			t.Errorf("%d lines with %q: %s", got, want, log)
		}
	}
}

// A failure to accept does not end the server, whatever it is. The log has it at error level.
func TestFailuresToAcceptDoNotEndTheServer(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			s, log := runServer(t, ConnectionLimits{}, func(l net.Listener) net.Listener {
				return &failingListener{Listener: l, err: &net.OpError{Op: "accept", Net: "tcp", Err: errno}}
			})
			if line, err := ask(dial(t, s)); line != "HTTP/1.1 200" {
				t.Errorf("%q, %v", line, err)
			}
			if text := log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, errno.Error()) {
				t.Errorf("the log is %s", text)
			}
		})
	}
}

// failingListener fails three times before it accepts.
type failingListener struct {
	net.Listener
	err   error
	calls atomic.Int64
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.calls.Add(1) <= 3 {
		return nil, l.err
	}
	return l.Listener.Accept()
}

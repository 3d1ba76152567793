package httpserver

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// crowd is a listener that accepts so many connections.
type crowd struct {
	net.Listener
	left int
}

func (c *crowd) Accept() (net.Conn, error) {
	if c.left == 0 {
		return nil, io.EOF
	}
	c.left--
	own, _ := net.Pipe()
	return own, nil
}

// Many refusals must not use a whole CPU.
func TestTheListenerRestsBetweenRefusals(t *testing.T) {
	t.Parallel()
	c := newConnections(listenerAPI, Config{Connections: ConnectionLimits{All: 1}}, newConnectionMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	rests := 0
	c.rest = func(d time.Duration) {
		if rests++; d <= 0 || d > 10*time.Millisecond {
			t.Errorf("it rests for %s: clients that are not refused wait too", d)
		}
	}
	l := counting{&crowd{left: 1 + 100}, c}
	if _, err := l.Accept(); err != nil || rests != 0 {
		t.Fatalf("the first connection: %v, %d rests", err, rests)
	}
	if _, err := l.Accept(); !errors.Is(err, io.EOF) || rests != 6 {
		t.Errorf("%v, %d rests in 100 refusals, want 6", err, rests)
	}
}

// The system finds connections whose client has vanished. Those that are refused are not worth the work.
func TestConnectionsAreKeptAlive(t *testing.T) {
	t.Parallel()
	bare, err := listen(t.Context(), "127.0.0.1:0", "HTTP_ADDR")
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	c := newConnections(listenerAPI, Config{}, newConnectionMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	for name, tt := range map[string]struct {
		from net.Listener
		want bool
	}{"before the limits": {bare, false}, "within the limits": {c.bounded(bare), true}} {
		dialTo(t, bare.Addr().String())
		conn, err := tt.from.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if counted, ok := conn.(*countedConn); ok {
			conn = counted.Conn
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var value int
		var errGet error
		if err := errors.Join(raw.Control(func(fd uintptr) {
			value, errGet = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
		}), errGet); err != nil || value != 0 != tt.want {
			t.Errorf("%s: SO_KEEPALIVE is %d, %v", name, value, err)
		}
		_ = conn.Close()
	}
}

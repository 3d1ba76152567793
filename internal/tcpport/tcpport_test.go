package tcpport_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/monsplit/monsplit/internal/tcpport"
)

func TestReserve(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", ":0", "localhost:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			r := reserve(t, addr)
			host, _, _ := strings.Cut(addr, ":0")
			if !strings.HasPrefix(r.Addr, host+":") || r.Port == 0 {
				t.Errorf("reserved %s, port %d", r.Addr, r.Port)
			}
			refused(t, r)
			for range 3 { // a server may stop and start again
				l := listen(t, r.Addr)
				connect(t, l, r.Port)
				_ = l.Close()
				refused(t, r)
			}
			again := reserve(t, r.Addr)
			if again.Addr != r.Addr {
				t.Errorf("the same port gives %s, want %s", again.Addr, r.Addr)
			}
		})
	}
}

// A port that the system chooses is given only once, also to servers and to connections. Without a reservation, each of these
// would get some of the ports.
func TestReservedPortsAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	taken := map[int]string{}
	note := func(port int, by string) {
		if before := taken[port]; before != "" {
			t.Errorf("%s got port %d, which %s has", by, port, before)
		}
		taken[port] = by
	}
	server := listen(t, "127.0.0.1:0")
	note(server.Addr().(*net.TCPAddr).Port, "a server")
	for range 200 {
		note(reserve(t, "127.0.0.1:0").Port, "a reservation")
		note(reserve(t, ":0").Port, "a reservation of all addresses")
		note(listen(t, "127.0.0.1:0").Addr().(*net.TCPAddr).Port, "a server")
		note(connect(t, server, server.Addr().(*net.TCPAddr).Port), "a connection")
	}
}

func TestReserveFails(t *testing.T) {
	t.Parallel()
	busy := listen(t, "127.0.0.1:0").Addr().String()
	_, port, _ := net.SplitHostPort(busy)
	for name, tt := range map[string]struct {
		addr string
		want error
	}{
		"Busy":                {busy, syscall.EADDRINUSE},
		"BusyForAllAddresses": {":" + port, syscall.EADDRINUSE},
		"NotOurs":             {"192.0.2.1:0", syscall.EADDRNOTAVAIL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tcpport.Reserve(tt.addr); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:70000"} {
		if _, err := tcpport.Reserve(addr); err == nil {
			t.Errorf("%q was reserved", addr)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	r := reserve(t, "127.0.0.1:0")
	l := listen(t, r.Addr)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	connect(t, l, r.Port)
}

func reserve(t *testing.T, addr string) *tcpport.Reservation {
	t.Helper()
	r, err := tcpport.Reserve(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// connect opens a connection to the server. It returns the port of the client's end.
func connect(t *testing.T, l net.Listener, port int) int {
	t.Helper()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if got := client.RemoteAddr().(*net.TCPAddr).Port; got != port {
		t.Errorf("connected to port %d, want %d", got, port)
	}
	return client.LocalAddr().(*net.TCPAddr).Port
}

func refused(t *testing.T, r *tcpport.Reservation) {
	t.Helper()
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection without a server gives %v", err)
	}
}

//go:build gateway

package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// instance is a fake instance of a service. It records the requests that it gets. All instances of a service listen on the
// same port, each at its own address, as containers do.
type instance struct {
	addr     netip.AddrPort
	listener net.Listener
	server   *http.Server

	mu  sync.Mutex
	got []received
}

// received is a request that an instance has read completely.
type received struct {
	method, uri, host string
	header            http.Header
	body              string
}

// service is the set of a service's instances.
type service []*instance

// endpoint tells where a service listens: the addresses of its instances, and their common port.
type endpoint struct {
	port      uint16
	addresses []netip.Addr
}

// endpoints has where each service is found, by its name.
type endpoints map[string]endpoint

// everywhere returns one endpoint for all services.
func everywhere(t *testing.T, e endpoint) endpoints {
	t.Helper()
	found := endpoints{}
	for _, name := range services.Names(t) {
		found[name] = e
	}
	return found
}

func (s service) endpoint() endpoint {
	e := endpoint{port: s[0].addr.Port()}
	for _, i := range s {
		e.addresses = append(e.addresses, i.addr.Addr())
	}
	return e
}

// received returns the requests that all instances have got.
func (s service) received() (all []received) {
	for _, i := range s {
		i.mu.Lock()
		all = append(all, i.got...)
		i.mu.Unlock()
	}
	return all
}

// startService starts instances on 127.0.0.2, 127.0.0.3 and so on. They end with the test.
func startService(t *testing.T, count int, handler http.HandlerFunc) service {
	t.Helper()
	var s service
	for _, l := range listeners(t, count) {
		i := &instance{addr: netip.MustParseAddrPort(l.Addr().String()), listener: l}
		i.server = &http.Server{Handler: i.note(handler)} //nolint:gosec // only this test sends requests
		go func() { _ = i.server.Serve(l) }()
		t.Cleanup(i.kill)
		s = append(s, i)
	}
	return s
}

// listeners listens on n addresses, with a port that is free on all of them.
func listeners(t *testing.T, count int) (all []net.Listener) {
	t.Helper()
	for range 20 {
		port, err := 0, error(nil)
		for n := range count {
			var l net.Listener
			l, err = new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.%d:%d", n+2, port))
			if err != nil {
				break
			}
			port = l.Addr().(*net.TCPAddr).Port
			all = append(all, l)
		}
		if err == nil {
			return all
		}
		for _, l := range all {
			_ = l.Close()
		}
		if all = nil; !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
	t.Fatal("no port is free on all addresses")
	return nil
}

// deaf makes connection attempts to an address get no answer, as with a machine that is switched off. It fills the queue of
// a socket that accepts no connection.
func deaf(t *testing.T, addr netip.AddrPort) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	if err = errors.Join(err, syscall.Listen(socket, 0)); err != nil {
		t.Fatal(err)
	}
	for queued := true; queued; {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr.String())
		cancel()
		if queued = err == nil; queued {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
}

// note reads each request completely, records it, and lets next answer it.
func (i *instance) note(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		i.mu.Lock()
		i.got = append(i.got, received{r.Method, r.RequestURI, r.Host, r.Header.Clone(), string(body)})
		i.mu.Unlock()
		next(w, r)
	})
}

// kill ends the instance as SIGKILL does: it breaks the connections and refuses new ones.
func (i *instance) kill() {
	_ = i.listener.Close() // the server knows the listener only after it has begun to serve
	_ = i.server.Close()
}

// fine answers with the instance's address.
func fine(w http.ResponseWriter, r *http.Request) {
	addr := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, _ = io.WriteString(w, addr.String())
}

// dies closes the connection without an answer.
func dies(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// resets resets the connection without an answer, as when a process is killed before it has read all data.
func resets(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// bodies returns the sorted bodies of the requests.
func bodies(all []received) (list []string) {
	for _, r := range all {
		list = append(list, r.body)
	}
	slices.Sort(list)
	return list
}

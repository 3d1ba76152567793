package netproxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/testkit/netproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is an echo server behind a proxy. The server also reports what it received.
type bundle struct {
	t     *testing.T
	proxy *netproxy.Proxy
	got   chan string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{t: t, got: make(chan string, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.echo(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
	b.proxy = netproxy.New(t, listener.Addr().String())
	return b
}

func (b *bundle) echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 100)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		b.got <- string(buffer[:n])
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (b *bundle) dial() net.Conn {
	b.t.Helper()
	conn, err := new(net.Dialer).DialContext(b.t.Context(), "tcp", b.proxy.Addr())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}

func (b *bundle) send(conn net.Conn, text string) {
	b.t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		b.t.Fatal(err)
	}
}

// receives returns what arrives within a short time, or "".
func (b *bundle) receives(conn net.Conn, within time.Duration) (string, error) {
	b.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		b.t.Fatal(err)
	}
	buffer := make([]byte, 100)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

const (
	long  = 20 * time.Second
	short = 30 * time.Millisecond // how long to wait for bytes that must not come
)

func TestEverythingPassesBothWays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := b.dial()
	for _, word := range []string{"one", "two"} {
		b.send(conn, word)
		if got, err := b.receives(conn, long); got != word || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, word)
		}
	}
}

func TestAPauseHoldsAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := b.dial()
	b.proxy.Pause()
	b.send(conn, "held")
	if got, err := b.receives(conn, short); got != "" || err == nil {
		t.Fatalf("%q passed a pause", got)
	}
	b.proxy.Resume()
	if got, err := b.receives(conn, long); got != "held" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestADroppedAnswerBelongsToARequestThatArrived(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := b.dial()
	b.proxy.Drop(netproxy.ToClient)
	b.send(conn, "asked")
	if got := <-b.got; got != "asked" {
		t.Fatalf("the server got %q", got)
	}
	if got, err := b.receives(conn, short); got != "" || err == nil {
		t.Fatalf("the answer %q arrived", got)
	}
}

func TestADroppedRequestDoesNotArrive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := b.dial()
	b.proxy.Drop(netproxy.ToServer)
	b.send(conn, "asked")
	if got, err := b.receives(conn, short); got != "" || err == nil {
		t.Fatalf("an answer %q arrived", got)
	}
	if len(b.got) != 0 {
		t.Fatalf("the server got %q", <-b.got)
	}
}

func TestACutEndsConnectionsAndRefusesNewOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.dial()
	b.send(open, "a")
	if _, err := b.receives(open, long); err != nil {
		t.Fatal(err)
	}
	b.proxy.Cut()
	ended := func(conn net.Conn) {
		t.Helper()
		_, err := b.receives(conn, long)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the connection is not cut: %v", err)
		}
	}
	ended(open)
	ended(b.dial())

	b.proxy.Resume()
	again := b.dial()
	b.send(again, "b")
	if got, err := b.receives(again, long); got != "b" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// A pause without a Resume must neither keep the test from ending nor leave a goroutine.
func TestACutEndsWhatAPauseHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := b.dial()
	b.proxy.Pause()
	b.send(conn, "held")
	b.proxy.Cut()
	if got, err := b.receives(conn, long); got != "" || err == nil {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestALimitSlowsDownAllConnectionsTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.proxy.Limit(10_000)
	begun, text := time.Now(), strings.Repeat("x", 1000)
	first, second := b.dial(), b.dial()
	b.send(first, text)
	b.send(second, text)
	for _, conn := range []net.Conn{first, second} {
		for left := len(text); left > 0; {
			got, err := b.receives(conn, long)
			if err != nil {
				t.Fatal(err)
			}
			left -= len(got)
		}
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("2,000 bytes took %s at 10,000 bytes a second", took)
	}
}

// Package netproxy stands between a client and a server and does to their TCP connections what networks do: holds what
// is sent, loses it in one direction, cuts. It knows nothing of what is said.
package netproxy

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Direction is the way that bytes go.
type Direction int

// The two directions.
const (
	ToServer Direction = iota // requests
	ToClient                  // answers
)

// Proxy listens on a port of its own for as long as the test runs. All its methods apply to the connections that are
// open and to those that come.
type Proxy struct {
	upstream string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	paused  chan struct{} // closed by the end of the pause; nil unless paused
	dropped [2]bool       // by Direction
	refuses bool
	pairs   map[*pair]struct{}
}

// New returns a proxy in front of a server's address.
func New(t testing.TB, upstream string) *Proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{upstream: upstream, listener: listener, pairs: map[*pair]struct{}{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close() // nothing is left to be told
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// NewURL returns a proxy in front of the server that a URL names, and the URL with the proxy's address in its place.
func NewURL(t testing.TB, server string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := New(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}

// Addr is the address for clients.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Pause holds everything that is sent, in both directions; connections stay open and new ones are taken.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused == nil {
		p.paused = make(chan struct{})
	}
}

// Drop loses everything that is sent in one direction from now on: with ToClient the server gets its requests and acts
// on them, and no answer arrives. Bytes that were lost stay lost, so a Cut should follow before a Resume.
func (p *Proxy) Drop(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped[d] = true
}

// Cut ends every connection at both ends, and each new one at once. What was on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = true
	for pair := range p.pairs {
		pair.cut()
	}
}

// Resume ends everything that the other methods began.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped, p.refuses = [2]bool{}, false
	if p.paused != nil {
		close(p.paused)
		p.paused = nil
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pair := &pair{proxy: p, client: client, ended: ctx.Done(), end: cancel}
	defer pair.cut()
	if !p.add(pair) {
		return
	}
	defer p.remove(pair)
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	var answers sync.WaitGroup
	answers.Go(func() { pair.carry(ToClient, server, client) })
	pair.carry(ToServer, client, server)
	answers.Wait()
}

func (p *Proxy) add(pair *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		return false
	}
	p.pairs[pair] = struct{}{}
	return true
}

func (p *Proxy) remove(pair *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, pair)
}

// pair is a client's connection and ours to the server.
type pair struct {
	proxy  *Proxy
	client net.Conn
	ended  <-chan struct{}
	end    func()
}

// cut ends both connections; more than once is fine.
func (c *pair) cut() {
	c.end()
	_ = c.client.Close() // nothing is left to be told
}

// carry takes bytes one way until either end is closed, and then closes the other.
func (c *pair) carry(d Direction, from, to net.Conn) {
	defer c.cut()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && c.mayPass(d) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// mayPass waits while the proxy is paused, and says whether what was read may go on.
func (c *pair) mayPass(d Direction) bool {
	for {
		c.proxy.mu.Lock()
		paused, dropped := c.proxy.paused, c.proxy.dropped[d]
		c.proxy.mu.Unlock()
		if paused == nil {
			return !dropped
		}
		select {
		case <-paused:
		case <-c.ended:
			return false
		}
	}
}

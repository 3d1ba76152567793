// Package netproxy is between a client and a server. It does to their TCP connections what networks do: it delays bytes,
// loses them in one direction, cuts connections, and carries only so many bytes a second. It does not know their protocol.
package netproxy

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Direction is the direction in which bytes are sent.
type Direction int

// The two directions.
const (
	ToServer Direction = iota // requests
	ToClient                  // answers
)

// Proxy listens on a port of its own for as long as the test runs. Its methods apply to open connections and
// to later ones.
type Proxy struct {
	upstream string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex
	paused  chan struct{} // closed by the end of the pause; nil unless paused
	dropped [2]bool       // by Direction
	refuses bool
	links   [2]link // by Direction
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
		_ = listener.Close() // no error matters any more
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// NewURL returns a proxy in front of the server that a URL names, and the same URL with the proxy's address.
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

// Pause holds all bytes in both directions. Connections stay open, and new ones are accepted.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused == nil {
		p.paused = make(chan struct{})
	}
}

// Drop loses all later bytes in one direction. With ToClient, the server gets requests and acts on them, but no answer
// arrives. Lost bytes stay lost, so call Cut before Resume.
func (p *Proxy) Drop(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped[d] = true
}

// Cut ends every connection at both ends, and each new one at once. Bytes on their way are lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = true
	for pair := range p.pairs {
		pair.cut()
	}
}

// Limit makes all connections together carry at most so many bytes a second in each direction.
func (p *Proxy) Limit(bytesPerSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = [2]link{{rate: bytesPerSecond}, {rate: bytesPerSecond}}
	for pair := range p.pairs {
		shrinkBuffers(pair.client, pair.server)
	}
}

// Resume ends the effects of all other methods.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped, p.refuses, p.links = [2]bool{}, false, [2]link{}
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
	p.connected(pair, server)
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

// pair is a client's connection and the proxy's own connection to the server.
type pair struct {
	proxy  *Proxy
	client net.Conn
	server net.Conn // nil before it is connected
	ended  <-chan struct{}
	end    func()
}

// cut ends both connections. It can be called more than once.
func (c *pair) cut() {
	c.end()
	_ = c.client.Close() // no error matters any more
}

// carry copies bytes in one direction until either end is closed. Then it closes the other end.
func (c *pair) carry(d Direction, from, to net.Conn) {
	defer c.cut()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		c.await(c.proxy.take(d, n))
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

// mayPass waits while the proxy is paused, and reports whether the bytes may pass.
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

package netproxy

import (
	"net"
	"time"
)

// smallBuffer is the size of a connection's buffer in front of a slow link.
const smallBuffer = 8 << 10

// link is one direction of a network that carries at most rate bytes a second; 0 means that there is no limit.
type link struct {
	rate int
	free time.Time // when it has carried everything that it has taken
}

// take returns when the link has carried n more bytes.
func (p *Proxy) take(d Direction, n int) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, now := &p.links[d], time.Now()
	if l.rate == 0 {
		return now
	}
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
	return l.free
}

// await waits until the time, or until the connection is cut.
func (c *pair) await(until time.Time) {
	wait := time.Until(until)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ended:
	}
}

// connected notes the connection to the server.
func (p *Proxy) connected(pair *pair, server net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair.server = server
	if p.links[ToServer].rate > 0 {
		shrinkBuffers(pair.client, server)
	}
}

// shrinkBuffers makes the buffers of a pair small. Behind large ones, a sender would not notice that the link is slow.
func shrinkBuffers(conns ...net.Conn) {
	for _, c := range conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(smallBuffer) // the connection may have ended
			_ = tcp.SetWriteBuffer(smallBuffer)
		}
	}
}

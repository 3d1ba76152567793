package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/delay"
)

// ConnectionLimits bound the open connections. Zero means no limit.
type ConnectionLimits struct {
	All int
	// PerPeer is for the connections of one peer. Trusted proxies are exempt, because they connect for many clients.
	PerPeer int
}

// The limits and the listeners, as labels of the metrics.
const (
	limitAll  = "all"
	limitPeer = "peer"

	listenerAPI        = "api"
	listenerOperations = "operations"
)

// connectionMetrics are about the connections of all listeners.
type connectionMetrics struct {
	open    *prometheus.GaugeVec   // by listener
	refused *prometheus.CounterVec // by listener and limit
}

func newConnectionMetrics(registry *prometheus.Registry) connectionMetrics {
	m := connectionMetrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "http_connections", Help: "Open connections of clients."}, []string{"listener"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_connections_refused_total", Help: "Connections that were closed at once, by the limit that they were beyond.",
		}, []string{"listener", "limit"}),
	}
	registry.MustRegister(m.open, m.refused)
	return m
}

// connections counts the open connections of one listener, and refuses those beyond the limits. Each listener has the limits for
// itself: many clients of the API do not keep monitoring out.
type connections struct {
	listener string
	limits   ConnectionLimits
	trusted  []netip.Prefix
	log      *slog.Logger
	open     prometheus.Gauge
	refused  *prometheus.CounterVec // by limit

	mu       sync.Mutex
	all      int
	byPeer   map[netip.Prefix]int
	refusals map[string]*paced // by limit
	failures paced
	rest     func(time.Duration) // replaced in tests
}

func newConnections(listener string, cfg Config, metrics connectionMetrics, log *slog.Logger) *connections {
	c := &connections{
		listener: listener, limits: cfg.Connections, trusted: cfg.TrustedProxies, log: log, byPeer: map[netip.Prefix]int{},
		open: metrics.open.WithLabelValues(listener), refused: metrics.refused.MustCurryWith(prometheus.Labels{"listener": listener}),
		refusals: map[string]*paced{limitAll: {}, limitPeer: {}},
		rest:     func(d time.Duration) { delay.For(context.Background(), d) },
	}
	c.refused.WithLabelValues(limitAll)
	c.refused.WithLabelValues(limitPeer)
	return c
}

// admit counts a connection of the peer, or returns the limit that it is beyond.
func (c *connections) admit(peer netip.Addr) (beyond string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	network := networkOf(peer)
	switch {
	case c.limits.All > 0 && c.all >= c.limits.All:
		return limitAll
	case c.limits.PerPeer > 0 && c.byPeer[network] >= c.limits.PerPeer && !within(c.trusted, peer):
		return limitPeer
	}
	c.all++
	c.byPeer[network]++
	c.open.Inc()
	return ""
}

func (c *connections) release(peer netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	network := networkOf(peer)
	c.all--
	if c.byPeer[network]--; c.byPeer[network] == 0 {
		delete(c.byPeer, network)
	}
	c.open.Dec()
}

// networkOf returns what counts as one peer: an IPv4 address, or a /64 of IPv6, because one host may use all its addresses.
func networkOf(peer netip.Addr) netip.Prefix {
	bits := peer.BitLen()
	if peer.Is6() {
		bits = 64
	}
	network, _ := peer.WithZone("").Prefix(bits) // it fails only for the zero address, which is then the zero network
	return network
}

// logEvery is the shortest time between two log lines about refused connections, and between two about failures to accept.
const logEvery = 10 * time.Second

// paced counts events, and says when to log them.
type paced struct {
	logged time.Time
	count  int
}

// add counts an event. If a line may be logged now, it returns how many events there were since the last line; otherwise 0.
func (p *paced) add(now time.Time) int {
	p.count++
	if !p.logged.IsZero() && now.Sub(p.logged) < logEvery {
		return 0
	}
	count := p.count
	p.logged, p.count = now, 0
	return count
}

// refuse closes a connection that is beyond a limit.
func (c *connections) refuse(conn net.Conn, peer netip.Addr, limit string) {
	c.refused.WithLabelValues(limit).Inc()
	_ = conn.Close()
	c.mu.Lock()
	count := c.refusals[limit].add(time.Now())
	c.mu.Unlock()
	if count > 0 {
		c.log.WarnContext(context.Background(), "connections were refused", "listener", c.listener, "count", count, "limit", limit, "peer", peer.String(),
			"settings", "HTTP_MAX_CONNECTIONS, HTTP_MAX_CONNECTIONS_PER_PEER")
	}
}

// failed logs a failure to accept a connection, for example because the process has no file descriptor left.
func (c *connections) failed(err error) {
	c.mu.Lock()
	count := c.failures.add(time.Now())
	c.mu.Unlock()
	if count > 0 {
		c.log.ErrorContext(context.Background(), "cannot accept connections", "listener", c.listener, "count", count, "error", err)
	}
}

// surviving is a listener all of whose errors are temporary, except that it is closed.
type surviving struct {
	net.Listener
	failed func(err error)
}

// bounded is a listener that survives failures to accept, and has at most so many connections.
func (c *connections) bounded(l net.Listener) net.Listener {
	return counting{surviving{l, c.failed}, c}
}

// Accept implements net.Listener.
func (l surviving) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil || errors.Is(err, net.ErrClosed) {
		return conn, err
	}
	l.failed(err)
	return nil, acceptError{err}
}

// counting is a listener that counts its connections, and closes those beyond the limits at once.
type counting struct {
	net.Listener
	connections *connections
}

// sendBuffer is how much of an answer the system keeps for a client that does not read. By default it would be up to 4 MiB for
// each connection: a hundred slow readers of long lists would get hundreds of MiB at once, and the CPU time to make them.
const sendBuffer = 128 << 10

// A client that is refused may try again at once, thousands of times. To accept and close these connections would use a whole CPU,
// while the requests of others wait for it. So the listener rests after refusalsInARow: what a client loses by this are some
// milliseconds until its connection is accepted.
const (
	refusalsInARow = 16
	refusalRest    = time.Millisecond
)

// Accept implements net.Listener.
func (l counting) Accept() (net.Conn, error) {
	for refused := 0; ; {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := peerOf(conn)
		if limit := l.connections.admit(peer); limit != "" {
			l.connections.refuse(conn, peer, limit)
			if refused++; refused%refusalsInARow == 0 {
				l.connections.rest(refusalRest)
			}
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok { // the connection may have ended already
			_ = tcp.SetWriteBuffer(sendBuffer)
			_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true})
		}
		return &countedConn{Conn: conn, release: sync.OnceFunc(func() { l.connections.release(peer) })}, nil
	}
}

func peerOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// acceptError makes net/http wait a moment, at most a second, and accept again. For most errors it would end the server.
type acceptError struct{ error }

func (e acceptError) Unwrap() error { return e.error }

// Temporary is what net/http asks.
func (acceptError) Temporary() bool { return true }

// Timeout implements net.Error.
func (acceptError) Timeout() bool { return false }

type countedConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// CloseWrite is for patientConn.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
)

var errClosed = errors.New("the Kafka client is closed")

// connPool keeps connections by address. A connection carries one request at a time. Concurrent requests to one broker use
// several connections, so a fetch that waits for records delays no other request. There are at most Config.MaxConns of them:
// further requests wait until one is free.
//
// It replaces the library's Transport, which cannot be told to refresh the leaders, and which still reads a request's
// buffer after the request's context has ended.
type connPool struct {
	cfg       Config
	mechanism sasl.Mechanism // nil means no sign-in
	answered  atomic.Bool    // a request was answered, so TLS and SASL are set as the brokers want

	mu     sync.Mutex
	closed bool
	inUse  map[string]chan struct{} // by address: as many tokens as connections that carry a request
	idle   map[string][]*conn
	open   map[*conn]struct{}
	reaper *time.Timer // runs while there are idle connections
}

type conn struct {
	*protocol.Conn
	raw       net.Conn
	versions  map[kmsg.Key]int16 // of the requests in newestVersions
	reused    bool
	idleSince time.Time
	// signInAgain is when the sign-in is about to end; never, if it is zero. The broker closes a connection on which it gets a
	// request later than that, so no request is sent on it then.
	signInAgain time.Time
}

func newConnPool(cfg Config) (*connPool, error) {
	p := &connPool{cfg: cfg, inUse: map[string]chan struct{}{}, idle: map[string][]*conn{}, open: map[*conn]struct{}{}}
	if cfg.Credentials == nil {
		return p, nil
	}
	var err error
	p.mechanism, err = cfg.Credentials.mechanism()
	return p, err
}

// exchangeFunc sends one request and reads its response, on a connection that it alone uses.
type exchangeFunc func(*conn) (protocol.Message, error)

// roundTrip sends request to the broker at address. When it returns, with or without an error, nothing reads the request
// any more.
func (p *connPool) roundTrip(ctx context.Context, address string, request protocol.Message) (protocol.Message, error) {
	return p.do(ctx, address, func(c *conn) (protocol.Message, error) { return c.RoundTrip(request) })
}

func (p *connPool) do(ctx context.Context, address string, f exchangeFunc) (protocol.Message, error) {
	c, err := p.getInTime(ctx, address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		p.drop(address, c)
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // the exchange fails then
	answer, err := f(c)
	interrupted := !stop()
	switch {
	case err != nil:
		p.drop(address, c)
		return nil, fmt.Errorf("%s: %w", address, errors.Join(p.explain(err), ctx.Err()))
	case interrupted: // AfterFunc may still set its deadline to the past
		p.drop(address, c)
	default:
		p.put(address, c)
	}
	p.answered.Store(true)
	return answer, nil
}

// roundTripTwice is roundTrip for requests that may be sent twice.
func (p *connPool) roundTripTwice(ctx context.Context, address string, request protocol.Message) (protocol.Message, error) {
	return p.doTwice(ctx, address, func(c *conn) (protocol.Message, error) { return c.RoundTrip(request) })
}

// doTwice tries again if an idle connection fails, because the connection may have died unnoticed, for example when the
// broker restarted.
func (p *connPool) doTwice(ctx context.Context, address string, f exchangeFunc) (protocol.Message, error) {
	reused := false
	try := func(c *conn) (protocol.Message, error) {
		reused = c.reused
		return f(c)
	}
	answer, err := p.do(ctx, address, try)
	if err != nil && reused && ctx.Err() == nil {
		answer, err = p.do(ctx, address, try)
	}
	return answer, err
}

// getInTime is get for a context that may have no end.
func (p *connPool) getInTime(ctx context.Context, address string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RequestTimeout)
	defer cancel()
	return p.get(ctx, address)
}

// get returns a connection that no other request uses. put or drop gives it back.
func (p *connPool) get(ctx context.Context, address string) (*conn, error) {
	tokens := p.tokens(address)
	select {
	case tokens <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("all %d connections to Kafka at %s are in use: %w", p.cfg.MaxConns, address, ctx.Err())
	}
	c, err := p.reuse(address)
	if c == nil && err == nil {
		c, err = p.dial(ctx, address)
	}
	if err != nil {
		<-tokens
	}
	return c, err
}

func (p *connPool) tokens(address string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inUse[address] == nil {
		p.inUse[address] = make(chan struct{}, p.cfg.MaxConns)
	}
	return p.inUse[address]
}

// reuse returns the idle connection that was used last, or nil if there is none. So those that are not needed become old.
func (p *connPool) reuse(address string) (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for idle := p.idle[address]; len(idle) > 0; idle = p.idle[address] {
		c := idle[len(idle)-1]
		p.idle[address] = idle[:len(idle)-1]
		if !p.unusable(c) {
			c.reused = true
			return c, nil
		}
		delete(p.open, c)
		c.Close()
	}
	return nil, nil //nolint:nilnil // no idle connection
}

func (p *connPool) dial(ctx context.Context, address string) (*conn, error) {
	c, err := p.connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka at %s: %w", address, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return nil, errClosed
	}
	p.open[c] = struct{}{}
	return c, nil
}

func (p *connPool) put(address string, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.inUse[address]
	if p.closed || c.SetDeadline(time.Time{}) != nil {
		delete(p.open, c)
		c.Close()
		return
	}
	c.idleSince = time.Now()
	p.idle[address] = append(p.idle[address], c)
	p.reapLater()
}

// drop closes a connection that failed, and the idle connections to the same address, which have probably failed too. What it
// has not sent yet is discarded: otherwise the rest of a large request would use a slow link for long, and delay the next try.
func (p *connPool) drop(address string, c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.inUse[address]
	if tcp, ok := c.raw.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // it is closed in any case
	}
	for _, other := range append(p.idle[address], c) {
		delete(p.open, other)
		other.Close()
	}
	delete(p.idle, address)
}

func (p *connPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
	clear(p.idle)
}

// connect opens a connection that is ready for requests.
func (p *connPool) connect(ctx context.Context, address string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	raw, err := p.cfg.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // the exchange fails
	c, err := p.prepare(ctx, raw, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		return nil, errors.Join(err, ctx.Err())
	}
	c.raw = raw
	return c, nil
}

func negotiate(c *protocol.Conn) (*conn, error) {
	answer, err := c.RoundTrip(&apiversions.Request{})
	if err != nil {
		return nil, fmt.Errorf("ask for versions: %w", err)
	}
	response := answer.(*apiversions.Response)
	if response.ErrorCode != 0 {
		return nil, fmt.Errorf("ask for versions: %w", kafka.Error(response.ErrorCode))
	}
	offered := map[int16]apiversions.ApiKeyResponse{}
	for _, r := range response.ApiKeys {
		offered[r.ApiKey] = r
	}
	versions := map[protocol.ApiKey]int16{}
	for key, newest := range maxVersions {
		if versions[key], err = commonVersion(offered, key, 0, newest); err != nil {
			return nil, err
		}
	}
	if versions[protocol.Produce] < 3 {
		return nil, errTooOld
	}
	out := &conn{Conn: c, versions: map[kmsg.Key]int16{}}
	for key, v := range newestVersions {
		if out.versions[key], err = commonVersion(offered, protocol.ApiKey(key), v.oldest, v.newest); err != nil {
			return nil, err
		}
	}
	c.SetVersions(versions)
	return out, nil
}

var errTooOld = errors.New("the broker is older than Kafka 2.3, the oldest that works")

// commonVersion returns the newest version that the broker and this client both know.
func commonVersion(offered map[int16]apiversions.ApiKeyResponse, key protocol.ApiKey, oldest, newest int16) (int16, error) {
	o, ok := offered[int16(key)]
	switch {
	case !ok:
		return 0, fmt.Errorf("the broker does not support %v", key)
	case o.MinVersion > newest:
		return 0, fmt.Errorf("the broker no longer accepts version %d of %v", newest, key)
	case o.MaxVersion < oldest:
		return 0, errTooOld
	}
	return min(newest, o.MaxVersion), nil
}

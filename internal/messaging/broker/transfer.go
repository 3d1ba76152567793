package broker

import (
	"errors"
	"os"
	"sync"
	"time"
)

// transferLimit is how many bytes one request or response should carry, learned from how long earlier ones took. A slow link
// carries them in time because they are small, and a fast one carries much at once.
//
// It begins low: a batch that is once encoded cannot get smaller (see Batch). It doubles with each transfer that was large
// and fast.
type transferLimit struct {
	target time.Duration // how long the bytes of a transfer should take

	mu    sync.Mutex
	bytes int
	// overhead is the part of each transfer that does not depend on its size: the shortest one. It may grow a little each time,
	// because the way to a broker can become longer.
	overhead time.Duration
}

const (
	leastTransfer = 16 << 10
	firstTransfer = 64 << 10
)

func newTransferLimit(target time.Duration) *transferLimit {
	return &transferLimit{target: target, bytes: firstTransfer, overhead: target}
}

func (l *transferLimit) get() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// carried learns from a transfer of n bytes. Only one that was large shows that more would fit.
func (l *transferLimit) carried(n int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.overhead = min(took, l.overhead+l.overhead/8, l.target)
	took -= l.overhead
	switch {
	case took > l.target && n >= leastTransfer:
		l.set(min(l.bytes, int(float64(n)*float64(l.target)/float64(took))))
	case took <= l.target/2 && n >= l.bytes/2:
		l.set(2 * l.bytes)
	}
}

// ranOut learns from a transfer of n bytes for which the time was not enough.
func (l *transferLimit) ranOut(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(min(n, l.bytes) / 4)
}

// set sets the limit. The caller holds the lock.
func (l *transferLimit) set(bytes int) { l.bytes = min(max(bytes, leastTransfer), maxFetchBytes) }

// links are the limits of the connections to one broker.
type links struct{ produce, fetch *transferLimit }

// fetchTarget is how long a response to a fetch should take. The other partitions of its broker wait for it.
const fetchTarget = 500 * time.Millisecond

// links returns the limits of a broker.
func (c *Client) links(address string) links {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.transfers[address]
	if !ok {
		l = links{produce: newTransferLimit(c.cfg.ProduceTimeout / 4), fetch: newTransferLimit(fetchTarget)}
		c.transfers[address] = l
	}
	return l
}

// isTimeout reports whether the time for a request has run out.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

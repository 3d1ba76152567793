package account

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// pace is how often something may be tried: burst times at once, and once more after each pause.
type pace struct {
	burst int
	pause time.Duration
}

// Guesses are throttled by name, so that many addresses cannot guess one password, and by address, so that one address cannot
// guess the passwords of many names.
var (
	byName    = pace{burst: 10, pause: 10 * time.Second}
	byAddress = pace{burst: 20, pause: 5 * time.Second}
)

// buckets bounds the memory of a throttle. Keys with the same hash share a bucket, so a flood of keys cannot push one out.
// Nobody outside can find such keys, because the seed is random.
const buckets = 1 << 14

// throttle counts attempts by key.
type throttle struct {
	pace pace
	seed maphash.Seed

	mu   sync.Mutex
	free [buckets]time.Time // when the bucket is, or was, as good as new
}

func newThrottle(p pace) *throttle { return &throttle{pace: p, seed: maphash.MakeSeed()} }

func (t *throttle) bucket(key string) *time.Time { return &t.free[maphash.String(t.seed, key)%buckets] }

// take counts an attempt. It returns 0, or how long the caller has to wait before an attempt is allowed.
func (t *throttle) take(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.bucket(key)
	next := now
	if at.After(now) {
		next = *at
	}
	next = next.Add(t.pace.pause)
	if over := next.Sub(now) - time.Duration(t.pace.burst)*t.pace.pause; over > 0 {
		return over
	}
	*at = next
	return 0
}

// giveBack takes back an attempt that has succeeded.
func (t *throttle) giveBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.bucket(key)
	*at = at.Add(-t.pace.pause)
}

// addressKey returns the key of an address. A home has a whole IPv6 network of 64 bits.
func addressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.String()
		}
	}
	return a.String()
}

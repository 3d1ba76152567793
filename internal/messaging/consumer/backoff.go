package consumer

import (
	"context"
	"math/rand/v2"
	"time"
)

// delay returns how long to wait after the n-th failure in a row: doubled each time up to most, less up to half by
// chance, so that many partitions do not come back at one moment.
func delay(n int, least, most time.Duration) time.Duration {
	d := most
	if shift := n - 1; shift < 20 && least<<shift < most {
		d = least << shift
	}
	return d - rand.N(d/2+1)
}

// loud says whether the n-th failure in a row is logged: at growing intervals, and now and then for ever.
func loud(n int) bool { return n&(n-1) == 0 || n%256 == 0 }

// wait rests for d, unless the consumer is to stop.
func wait(ctx context.Context, stopping <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-stopping:
	}
}

package consumer

import (
	"context"
	"math/rand/v2"
	"time"
)

// retryDelay returns how long to wait after the n-th failure in a row. The delay doubles with each failure, up to most. A
// random part, up to half, is then subtracted, so that many partitions do not retry at the same moment.
func retryDelay(n int, least, most time.Duration) time.Duration {
	d := most
	if shift := n - 1; shift < 20 && least<<shift < most {
		d = least << shift
	}
	return d - rand.N(d/2+1)
}

// shouldLog reports whether to log the n-th failure in a row: at powers of two, and at every 256th.
func shouldLog(n int) bool { return n&(n-1) == 0 || n%256 == 0 }

// sleep waits for d, or until ctx or stopping is done.
func sleep(ctx context.Context, stopping <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-stopping:
	}
}

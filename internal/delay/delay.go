// Package delay lets a loop wait between two rounds.
package delay

import (
	"context"
	"time"
)

// For waits for d. It returns false if ctx is done.
func For(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

package consumer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"time"
)

// minOwnTransaction is the number of events from which a batch gets a transaction of its own at once.
const minOwnTransaction = 64

// beginSharedTx limits how long a shared transaction waits for a locked row. When the batches are then applied apart, only
// the one that needs the row waits.
const beginSharedTx = beginTx + `; SET LOCAL lock_timeout = '100ms'`

// errApplyAlone is the outcome of a job whose shared transaction failed.
var errApplyAlone = errors.New("the shared transaction failed")

// job is a batch that waits for a transaction or is in one.
type job struct {
	p *partition
	batch
	done chan error // receives the outcome; buffered, so that the sender never waits
}

// applyShared applies a batch. Small batches of several partitions that arrive while a transaction is in progress share
// the next one, which costs little more than a transaction for one of them. If it fails, each batch is applied in a
// transaction of its own, so that the fault of one does not affect the others.
func (c *Consumer[T]) applyShared(ctx context.Context, p *partition, b batch) error {
	if len(b.items) >= minOwnTransaction || c.hasFailed(p) {
		return c.apply(ctx, p, b)
	}
	j := &job{p: p, batch: b, done: make(chan error, 1)}
	c.mu.Lock()
	c.waitingJobs = append(c.waitingJobs, j)
	c.mu.Unlock()
	runtime.Gosched() // batches of one response arrive together: let the others join before one of them begins alone
	timer := time.NewTimer(c.cfg.MaxShareWait)
	defer timer.Stop()
	for {
		select {
		case err := <-j.done:
			if errors.Is(err, errApplyAlone) {
				return c.apply(ctx, p, b)
			}
			return err
		case c.sharing <- struct{}{}:
			c.commitWaiting(ctx)
			<-c.sharing
		case <-timer.C:
			if c.removeWaiting(j) {
				return c.apply(ctx, p, b)
			}
		case <-ctx.Done():
			if c.removeWaiting(j) {
				return ctx.Err()
			}
			if err := <-j.done; !errors.Is(err, errApplyAlone) {
				return err
			}
			return ctx.Err()
		}
	}
}

// commitWaiting applies all waiting jobs in one transaction.
func (c *Consumer[T]) commitWaiting(ctx context.Context) {
	c.mu.Lock()
	jobs := c.waitingJobs
	c.waitingJobs = nil
	c.mu.Unlock()
	var err error
	switch len(jobs) {
	case 0:
		return // another goroutine has applied our job too
	case 1:
		err = c.commit(ctx, beginTx, jobs[0])
	default:
		slices.SortFunc(jobs, func(a, b *job) int {
			return cmp.Or(cmp.Compare(a.tp.Topic, b.tp.Topic), cmp.Compare(a.tp.Partition, b.tp.Partition))
		})
		if failed := c.commit(ctx, beginSharedTx, jobs...); failed != nil {
			c.log.LogAttrs(ctx, slog.LevelInfo, "batches cannot be applied together, applying each in its own transaction",
				slog.Int("batches", len(jobs)), slog.Any("error", failed))
			err = errApplyAlone
		}
	}
	for _, j := range jobs {
		j.done <- err
	}
}

// removeWaiting removes a job from the queue. It reports false if commitWaiting has taken the job already.
func (c *Consumer[T]) removeWaiting(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waitingJobs, j)
	if i < 0 {
		return false
	}
	c.waitingJobs = slices.Delete(c.waitingJobs, i, i+1)
	return true
}

// hasFailed reports whether the partition's batch has failed before. Then it must not make a shared transaction fail.
func (c *Consumer[T]) hasFailed(p *partition) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.failures > 0
}

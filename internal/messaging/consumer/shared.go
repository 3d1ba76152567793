package consumer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// small is a batch with fewer events than are worth a transaction of their own.
const small = 64

// beginTogether bounds how long batches wait together for a row that somebody holds: apart, only one of them will.
const beginTogether = begin + `; SET LOCAL lock_timeout = '100ms'`

// errApart is a job's outcome when the transaction that it was to share has failed.
var errApart = errors.New("to be applied by itself")

// job is a batch on its way into a transaction.
type job struct {
	p *partition
	batch
	done chan error // its outcome; room for one
}

// applyTogether applies a batch. Small ones of several partitions that come while a transaction is under way share the
// next, which costs little more than one of them. When it fails, each is applied by itself, and what is wrong with one is
// its own affair.
func (c *Consumer[T]) applyTogether(ctx context.Context, p *partition, b batch) error {
	if len(b.items) >= small || c.failing(p) {
		return c.apply(ctx, p, b)
	}
	j := &job{p: p, batch: b, done: make(chan error, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, j)
	c.mu.Unlock()
	timer := time.NewTimer(c.cfg.Patience)
	defer timer.Stop()
	for {
		select {
		case err := <-j.done:
			if errors.Is(err, errApart) {
				return c.apply(ctx, p, b)
			}
			return err
		case c.together <- struct{}{}:
			c.commitWaiting(ctx)
			<-c.together
		case <-timer.C:
			if c.withdraw(j) {
				return c.apply(ctx, p, b)
			}
		case <-ctx.Done():
			if c.withdraw(j) {
				return ctx.Err()
			}
			if err := <-j.done; !errors.Is(err, errApart) {
				return err
			}
			return ctx.Err()
		}
	}
}

// commitWaiting applies what waits, in one transaction.
func (c *Consumer[T]) commitWaiting(ctx context.Context) {
	c.mu.Lock()
	jobs := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	var err error
	switch len(jobs) {
	case 0:
		return // somebody has taken ours along
	case 1:
		err = c.commit(ctx, begin, jobs[0])
	default:
		slices.SortFunc(jobs, func(a, b *job) int {
			return cmp.Or(cmp.Compare(a.tp.Topic, b.tp.Topic), cmp.Compare(a.tp.Partition, b.tp.Partition))
		})
		if failed := c.commit(ctx, beginTogether, jobs...); failed != nil {
			c.log.LogAttrs(ctx, slog.LevelInfo, "batches cannot be applied together, applying each by itself",
				slog.Int("batches", len(jobs)), slog.Any("error", failed))
			err = errApart
		}
	}
	for _, j := range jobs {
		j.done <- err
	}
}

// withdraw takes a job back that nobody has taken yet.
func (c *Consumer[T]) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, j)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// failing says that the partition's batch has failed before: it must not spoil the others' transaction.
func (c *Consumer[T]) failing(p *partition) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.failures > 0
}

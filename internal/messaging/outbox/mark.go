package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// markSettings: a mark has to outlive a crash of the database. The schedule: version 3 is acknowledged and marked, and
// so forgotten; version 4 is in flight; the database crashes and comes back without the mark; the relay, which did not
// crash, finds version 3 pending, and sends it behind version 4.
func markSettings() map[string]string { return map[string]string{"synchronous_commit": "on"} }

const (
	markRows    = 10_000 // marked at once, and no longer few enough to wait for more
	markTimeout = 30 * time.Second
)

// marks is when to mark rows as sent. One marking is under way at a time.
type marks struct {
	link    *link
	running bool
	last    time.Time // when the last one began
	retryAt time.Time
	fails   int
}

// marking is a lane's part of what is marked in one go.
type marking struct {
	lane    *lane
	rows    []*row
	blocked []refusal
	ours    bool // the lease was still ours
}

// mark takes acknowledged rows out of what is pending, and stores refusals.
func (c *coordinator) mark(now time.Time) {
	m := &c.marks
	if m.running {
		return
	}
	if now.Before(m.retryAt) {
		c.at(m.retryAt)
		return
	}
	count, urgent := 0, false
	for _, l := range c.lanes {
		count += len(l.acked) + len(l.blocked)
		urgent = urgent || len(l.blocked) > 0 || l.phase == draining
	}
	if count == 0 {
		return
	}
	if rested := m.last.Add(c.cfg.MarkRest); !urgent && count < c.cfg.ClaimRows/4 && now.Before(rested) {
		c.at(rested)
		return
	}
	jobs := c.takeMarkings()
	m.running, m.last = true, now
	start(c, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, markTimeout)
		defer cancel()
		return c.store(ctx, jobs)
	}, func(err error) {
		m.running = false
		c.metrics.stage.WithLabelValues("mark").Observe(time.Since(now).Seconds())
		c.report("mark", err)
		if err != nil {
			m.fails++
			m.retryAt = time.Now().Add(backoff(m.fails, c.cfg.RetryMin, c.cfg.RetryMax))
		} else {
			m.fails = 0
		}
		for _, j := range jobs {
			c.marked(j, err)
		}
	})
}

// takeMarkings takes what is to be marked out of the lanes.
func (c *coordinator) takeMarkings() (jobs []*marking) {
	room := markRows
	for _, l := range c.lanes {
		n := min(len(l.acked), room)
		if n == 0 && len(l.blocked) == 0 {
			continue
		}
		jobs = append(jobs, &marking{lane: l, rows: slices.Clone(l.acked[:n]), blocked: l.blocked})
		l.marking = n + len(l.blocked)
		l.acked, l.blocked = slices.Delete(l.acked, 0, n), nil
		room -= n
	}
	return jobs
}

// store writes the markings. It may be repeated after a failure.
func (c *coordinator) store(ctx context.Context, jobs []*marking) error {
	q, err := c.marks.link.queries(ctx)
	if err != nil {
		return err
	}
	p := messagingdb.MarkSentParams{Owner: c.id}
	for _, j := range jobs {
		p.Shards, p.Epochs = append(p.Shards, j.lane.shard), append(p.Epochs, j.lane.epoch)
		for _, r := range j.rows {
			p.RowShards, p.Seqs = append(p.RowShards, j.lane.shard), append(p.Seqs, r.seq)
			if r.wasBlocked {
				p.FreeShards = append(p.FreeShards, j.lane.shard)
				p.FreeTopics, p.FreeKeys = append(p.FreeTopics, r.topic), append(p.FreeKeys, r.key)
			}
		}
	}
	ours, err := q.MarkSent(ctx, p)
	if err != nil {
		return fmt.Errorf("mark events as sent: %w", err)
	}
	for _, j := range jobs {
		if j.ours = slices.Contains(ours, j.lane.shard); !j.ours {
			continue
		}
		for _, b := range j.blocked {
			if err := q.BlockAggregate(ctx, messagingdb.BlockAggregateParams{Topic: b.topic, Key: b.key, LastError: b.reason,
				FirstWait: c.cfg.BlockMin, MaxWait: c.cfg.BlockMax}); err != nil {
				return fmt.Errorf("store a refused event's aggregate: %w", err)
			}
		}
	}
	return nil
}

// marked takes up what came of a marking.
func (c *coordinator) marked(j *marking, err error) {
	l := j.lane
	l.marking = 0
	switch {
	case l.phase == lost:
	case err != nil: // it may have been done or not; again
		l.acked = append(j.rows, l.acked...)
		l.blocked = append(j.blocked, l.blocked...)
	case !j.ours:
		l.lose()
	default:
		l.kept -= len(j.rows)
		l.settle(j.rows, c.claims.running)
		for _, b := range j.blocked {
			l.settle(b.rows, c.claims.running)
		}
	}
}

package outbox

import (
	"context"
	"time"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// claims is when to read, and what from. One claim is under way at a time.
type claims struct {
	link    *link
	running bool
	retryAt time.Time
	fails   int
	took    time.Duration // by the last sweep

	woken bool // somebody has called
	// restTo is when the next call is followed: after a claim that took long, as long again. It takes long where the machine
	// is busy, and then one claim for several commits leaves them more of it.
	restTo time.Time

	// A sweep reads everything from the start, which finds what committed late and what other instances appended. It
	// never takes more than a twentieth of the time.
	sweepAt  time.Time
	interval time.Duration // between sweeps that find nothing
}

const (
	minRest = time.Millisecond // a shorter one takes no less: timers are no finer
	maxRest = 5 * time.Millisecond
)

func (cl *claims) rest(now time.Time, took time.Duration) {
	if took >= minRest {
		cl.restTo = now.Add(min(took, maxRest))
	}
}

// claim reads on in all lanes that have room, in one statement.
func (c *coordinator) claim(now time.Time) {
	cl := &c.claims
	if cl.running || c.stopping || !now.Before(c.deadline) {
		return
	}
	if now.Before(cl.retryAt) {
		c.at(cl.retryAt)
		return
	}
	sweep := c.rewind(now)
	lanes := c.readable()
	if len(lanes) == 0 {
		return
	}
	held := len(c.lanes)
	p := messagingdb.ClaimPendingParams{Owner: c.id,
		MaxRows:  int32(max(1, min(c.cfg.ClaimRows/len(lanes), 4*c.cfg.ClaimRows/held))),
		MaxBytes: int64(max(1, c.cfg.ClaimBytes/len(lanes))),
	}
	for _, l := range lanes {
		p.Shards, p.Epochs, p.Lows = append(p.Shards, l.shard), append(p.Epochs, l.epoch), append(p.Lows, l.next)
	}
	type outcome struct {
		rows []messagingdb.ClaimPendingRow
		err  error
	}
	cl.running = true
	start(c, func(ctx context.Context) (o outcome) {
		ctx, cancel := context.WithTimeout(ctx, claimTimeout)
		defer cancel()
		q, err := cl.link.queries(ctx)
		if err != nil {
			return outcome{err: err}
		}
		o.rows, o.err = q.ClaimPending(ctx, p)
		return o
	}, func(o outcome) {
		cl.running = false
		// Only when the claim's rows have been taken up: what was settled meanwhile is among them.
		defer c.forget()
		c.report("claim", o.err)
		took := time.Since(now)
		cl.rest(time.Now(), took)
		c.metrics.stage.WithLabelValues("claim").Observe(took.Seconds())
		if o.err != nil {
			cl.fails++
			cl.retryAt = time.Now().Add(backoff(cl.fails, c.cfg.RetryMin, c.cfg.RetryMax))
			return
		}
		cl.fails = 0
		found, unknown := c.takeUp(lanes, o.rows, p)
		if unknown != "" {
			c.report("topics", unknownTopic(unknown))
		} else if sweep {
			c.report("topics", nil)
		}
		if sweep {
			cl.swept(time.Now(), took, found, c.cfg)
		}
	})
}

// forget drops what was settled before now: no claim to come can return it.
func (c *coordinator) forget() {
	for _, l := range c.lanes {
		l.forget()
	}
}

const claimTimeout = 30 * time.Second

// rewind sets the lanes back where a wake or a sweep asks for it, and says whether this is a sweep.
func (c *coordinator) rewind(now time.Time) (sweep bool) {
	cl := &c.claims
	if sweep = !now.Before(cl.sweepAt); sweep {
		for _, l := range c.lanes {
			// In a backlog everything waits; going back each time would read again what is in memory.
			if !l.unread || now.Sub(l.swept) >= 10*c.cfg.SweepMax {
				l.recent, l.swept = l.top, now
				l.readFrom(0)
			}
		}
		cl.sweepAt, cl.woken = now.Add(c.cfg.SweepMax), false
	} else {
		c.at(cl.sweepAt)
	}
	if !cl.woken {
		return sweep
	}
	if now.Before(cl.restTo) {
		c.at(cl.restTo)
		return sweep
	}
	cl.woken = false
	for _, l := range c.lanes {
		if !l.unread { // otherwise it is reading on anyway
			l.readFrom(l.recent)
		}
	}
	return sweep
}

// readable returns the lanes to read in: a full one must not fill the memory, nor hold the others up.
func (c *coordinator) readable() (lanes []*lane) {
	held := max(1, len(c.lanes))
	for _, l := range c.lanes {
		if l.phase == ready && l.unread && l.kept < max(1, 3*c.cfg.ClaimRows/held) && l.bytes < max(1, 2*c.cfg.ClaimBytes/held) {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// takeUp gives each lane its part of the rows, which come by shard, and says how many were new, and a topic that the
// service does not publish if there was one.
func (c *coordinator) takeUp(lanes []*lane, rows []messagingdb.ClaimPendingRow, p messagingdb.ClaimPendingParams,
) (found int, unknown string) {
	parts := map[int16][]messagingdb.ClaimPendingRow{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Shard == rows[0].Shard {
			n++
		}
		parts[rows[0].Shard], rows = rows[:n], rows[n:]
	}
	for _, l := range lanes {
		part, bytes := parts[l.shard], int64(0)
		for i := range part {
			bytes += int64(len(part[i].Payload))
		}
		if l.phase != ready {
			continue
		}
		in := l.admit(part, len(part) == int(p.MaxRows) || bytes >= p.MaxBytes)
		found += in.queued
		if in.held > 0 {
			c.claims.sweepSoon(time.Now(), c.cfg.SweepMin)
		}
		if in.unknown != "" {
			unknown = in.unknown
		}
	}
	return found, unknown
}

// swept sets the time of the next sweep.
func (cl *claims) swept(now time.Time, took time.Duration, found int, cfg Config) {
	if cl.interval = min(2*cl.interval, cfg.SweepMax); found > 0 {
		cl.interval = cfg.SweepMin
	}
	cl.took = took
	cl.sweepAt = now.Add(max(cl.interval, sweepShare*took))
}

// sweepShare bounds what sweeps take of the time: one in so many parts.
const sweepShare = 20

// sweepSoon brings the next sweep forward: a row waits for its predecessor, which only a sweep finds.
func (cl *claims) sweepSoon(now time.Time, wait time.Duration) {
	if at := now.Add(max(wait, sweepShare*cl.took)); at.Before(cl.sweepAt) {
		cl.sweepAt = at
	}
}

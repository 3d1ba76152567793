package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// claimState decides when the relay claims, and from where. At most one claim runs at a time.
type claimState struct {
	db        *dbConn
	running   bool
	retryAt   time.Time
	failures  int
	sweepTook time.Duration // how long the last sweep took

	woken bool // Wake was called
	// restUntil is when the next wake is answered. After a slow claim, the relay waits as long as the claim took (at most
	// maxRest). A claim is slow when the machine is busy, and then one claim for several commits saves work.
	restUntil time.Time

	// A sweep is a claim without a wake-up, from the first pending row on. It finds rows that were committed late and rows
	// that other instances appended. Sweeps take at most a twentieth of the time.
	sweepAt  time.Time
	interval time.Duration // between sweeps that find nothing
}

const (
	minRest = time.Millisecond // timers are not finer than 1 ms
	maxRest = 5 * time.Millisecond
)

func (cl *claimState) restAfter(now time.Time, took time.Duration) {
	if took >= minRest {
		cl.restUntil = now.Add(min(took, maxRest))
	}
}

// claim reads the next rows of every lane that has room for more, in one statement.
func (c *coordinator) claim(now time.Time) {
	cl := &c.claims
	if cl.running || c.stopping || !now.Before(c.deadline) {
		return
	}
	if now.Before(cl.retryAt) {
		c.tickAt(cl.retryAt)
		return
	}
	sweep := c.rewind(now)
	lanes := c.readableLanes()
	if len(lanes) == 0 {
		return
	}
	held := len(c.lanes)
	p := messagingdb.ClaimPendingParams{Owner: c.id,
		MaxRows:  int32(max(1, min(c.cfg.ClaimRows/len(lanes), 4*c.cfg.ClaimRows/held))),
		MaxBytes: int64(max(1, c.cfg.ClaimBytes/len(lanes))),
	}
	for _, l := range lanes {
		p.Topics, p.Shards = append(p.Topics, l.tp.Topic), append(p.Shards, int16(l.tp.Partition))
		p.Epochs, p.Lows = append(p.Epochs, l.epoch), append(p.Lows, l.readAfter)
	}
	type outcome struct {
		rows []messagingdb.ClaimPendingRow
		err  error
	}
	cl.running = true
	runInBackground(c, func(ctx context.Context) (o outcome) {
		ctx, cancel := context.WithTimeout(ctx, claimTimeout)
		defer cancel()
		q, err := cl.db.queriesUnlessReconnected(ctx)
		if err != nil {
			return outcome{err: err}
		}
		o.rows, o.err = q.ClaimPending(ctx, p)
		return o
	}, func(o outcome) {
		cl.running = false
		// The rows of this claim have to be admitted first: rows that were settled while it ran may be among them.
		defer c.forget()
		if errors.Is(o.err, errReconnected) {
			c.recheckLanes("a connection to the database was opened again", c.cfg.Topics...)
			return
		}
		c.report("claim", o.err)
		took := time.Since(now)
		cl.restAfter(time.Now(), took)
		c.metrics.stage.WithLabelValues("claim").Observe(took.Seconds())
		if o.err != nil {
			cl.failures++
			cl.retryAt = time.Now().Add(backoff(cl.failures, c.cfg.RetryMin, c.cfg.RetryMax))
			return
		}
		cl.failures = 0
		found := c.distribute(lanes, o.rows, p)
		if sweep {
			cl.scheduleSweep(time.Now(), took, found, c.cfg)
		}
	})
}

// forget drops the rows that were settled before now: no later claim can return them.
func (c *coordinator) forget() {
	for _, l := range c.lanes {
		l.forget()
	}
}

const claimTimeout = 30 * time.Second

// rewind sets the lanes back to where a sweep or a wake has to read from. It reports whether the next claim is a sweep.
func (c *coordinator) rewind(now time.Time) (sweep bool) {
	cl := &c.claims
	if sweep = !now.Before(cl.sweepAt); sweep {
		for _, l := range c.lanes {
			// During a backlog a lane keeps reading forward and goes back only every 10*SweepMax. Going back with each sweep
			// would read the rows again that are in memory.
			if !l.mayHaveMore || now.Sub(l.sweptAt) >= 10*c.cfg.SweepMax {
				l.highestAtSweep, l.sweptAt = l.highestSeen, now
				l.readFrom(0)
				l.beginSweep()
			}
		}
		cl.sweepAt, cl.woken = now.Add(c.cfg.SweepMax), false
	} else {
		c.tickAt(cl.sweepAt)
	}
	if !cl.woken {
		return sweep
	}
	if now.Before(cl.restUntil) {
		c.tickAt(cl.restUntil)
		return sweep
	}
	cl.woken = false
	for _, l := range c.lanes {
		if !l.mayHaveMore { // otherwise it is still reading forward
			l.readFrom(l.highestAtSweep)
		}
	}
	return sweep
}

// readableLanes returns the lanes that have room for more rows. A full lane must neither use up the memory nor delay
// others.
func (c *coordinator) readableLanes() (lanes []*lane) {
	for _, l := range c.lanes {
		if l.phase == phaseReady && l.mayHaveMore && !c.paused.has(l.tp.Topic) && !c.full(l) {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// full reports whether the lane has as many rows in memory as it may have.
func (c *coordinator) full(l *lane) bool {
	held := max(1, len(c.lanes))
	return l.rowCount >= max(1, 3*c.cfg.ClaimRows/held) || l.payloadBytes >= max(1, 2*c.cfg.ClaimBytes/held)
}

// distribute gives each lane its part of the claimed rows, which are ordered by shard. It returns how many rows were queued.
func (c *coordinator) distribute(lanes []*lane, rows []messagingdb.ClaimPendingRow, p messagingdb.ClaimPendingParams) (found int) {
	parts := map[broker.TopicPartition][]messagingdb.ClaimPendingRow{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Shard == rows[0].Shard && rows[n].Topic == rows[0].Topic {
			n++
		}
		parts[shardOf(rows[0].Topic, rows[0].Shard)], rows = rows[:n], rows[n:]
	}
	for _, l := range lanes {
		part, bytes := parts[l.tp], int64(0)
		for i := range part {
			bytes += int64(len(part[i].Payload))
		}
		if l.phase != phaseReady {
			continue
		}
		in := l.admit(part, len(part) == int(p.MaxRows) || bytes >= p.MaxBytes)
		found += in.queued
		if in.skipped > 0 {
			c.claims.sweepWithin(time.Now(), c.cfg.SweepMin)
			l.skip(in.skippedRow, time.Now())
		}
	}
	return found
}

// scheduleSweep sets the time of the next sweep, after a sweep that took this long and found this many new rows.
func (cl *claimState) scheduleSweep(now time.Time, took time.Duration, found int, cfg Config) {
	if cl.interval = min(2*cl.interval, cfg.SweepMax); found > 0 {
		cl.interval = cfg.SweepMin
	}
	cl.sweepTook = min(took, longestSweepWait*cfg.SweepMax/sweepShare)
	cl.sweepAt = now.Add(max(cl.interval, sweepShare*cl.sweepTook))
}

// longestSweepWait times SweepMax is the longest wait for the next sweep. Without a limit, a process that is paused for 20
// seconds during a sweep would not sweep again for 400 seconds. Only a sweep finds the rows that other instances append.
const longestSweepWait = 10

// sweepShare bounds the time for sweeps: they take at most one part in sweepShare.
const sweepShare = 20

// sweepWithin makes the next sweep come no later than after wait: a row waits for its predecessor, which only a sweep
// finds.
func (cl *claimState) sweepWithin(now time.Time, wait time.Duration) {
	if at := now.Add(max(wait, sweepShare*cl.sweepTook)); at.Before(cl.sweepAt) {
		cl.sweepAt = at
	}
}

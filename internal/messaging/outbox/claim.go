package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// claimState is what the coordinator knows about claims. At most one claim runs at a time.
type claimState struct {
	db       *dbConn
	running  bool
	schedule claimSchedule
	arms     armState
}

// claim reads the next rows of every lane that has room for more, in one statement. Before that, it arms and disarms logs.
func (c *coordinator) claim(now time.Time) {
	cl := &c.claims
	if cl.running || !now.Before(c.deadline) {
		return
	}
	readUp := c.readUpLogs()
	if at := cl.arms.nextLook(readUp, now); at.Equal(now) {
		cl.schedule.wake()
	} else if !at.IsZero() {
		c.tickAt(at)
	}
	kind, again := cl.schedule.next(now)
	c.tickAt(again)
	if kind == readNothing {
		return
	}
	disarm := cl.arms.disarm(now, readUp)
	var arm []broker.TopicPartition
	var lanes []*lane
	if !c.stopping {
		c.rewind(kind, now)
		lanes = c.readableLanes()
		if kind != readOn {
			arm = cl.arms.arm(now, readUp)
		}
	}
	if len(lanes) == 0 && !disarm {
		return
	}
	p := c.claimParams(lanes)
	type outcome struct {
		armed []broker.TopicPartition
		rows  []messagingdb.ClaimPendingRow
		err   error
	}
	cl.running = true
	runInBackground(c, func(ctx context.Context) (o outcome) {
		ctx, cancel := context.WithTimeout(ctx, claimTimeout)
		defer cancel()
		q, err := cl.db.queriesUnlessReconnected(ctx)
		if err == nil && disarm {
			err = q.DisarmLogs(ctx)
		}
		if err == nil && len(arm) > 0 { // before the look, so that no commit falls between the two
			o.armed, err = armLogs(ctx, q, arm)
		}
		if err == nil && len(lanes) > 0 {
			o.rows, err = q.ClaimPending(ctx, p)
		}
		o.err = err
		return o
	}, func(o outcome) {
		cl.running = false
		// The rows of this claim have to be admitted first: rows that were settled while it ran may be among them.
		defer c.forget()
		if errors.Is(o.err, errReconnected) {
			cl.arms.sessionEnded()
			c.recheckLanes("a connection to the database was opened again", c.cfg.Topics...)
			return
		}
		c.report("claim", o.err)
		took := time.Since(now)
		c.metrics.stage.WithLabelValues("claim").Observe(took.Seconds())
		if o.err != nil {
			cl.arms.failed()
			cl.schedule.failed(time.Now(), took)
			return
		}
		found := c.distribute(lanes, o.rows, p)
		cl.schedule.claimed(time.Now(), kind, took, found)
		cl.arms.claimed(time.Now(), o.armed, found, took)
	})
}

func (c *coordinator) claimParams(lanes []*lane) messagingdb.ClaimPendingParams {
	n, held := max(1, len(lanes)), max(1, len(c.lanes))
	p := messagingdb.ClaimPendingParams{Owner: c.id,
		MaxRows:  int32(max(1, min(c.cfg.ClaimRows/n, 4*c.cfg.ClaimRows/held))),
		MaxBytes: int64(max(1, c.cfg.ClaimBytes/n)),
	}
	for _, l := range lanes {
		p.Topics, p.Shards = append(p.Topics, l.tp.Topic), append(p.Shards, int16(l.tp.Partition))
		p.Epochs, p.Lows = append(p.Epochs, l.epoch), append(p.Lows, l.readAfter)
	}
	return p
}

// forget drops the rows that were settled before now: no later claim can return them.
func (c *coordinator) forget() {
	for _, l := range c.lanes {
		l.forget()
	}
}

const claimTimeout = 30 * time.Second

// rewind sets the lanes back to where a claim of that kind has to read from. A lane that is still reading forward goes on.
func (c *coordinator) rewind(kind claimKind, now time.Time) {
	for _, l := range c.lanes {
		switch {
		// During a backlog a lane keeps reading forward and goes back only every 10*SweepMax. Going back with each sweep would
		// read the rows again that are in memory.
		case kind == readAll && (!l.mayHaveMore || now.Sub(l.sweptAt) >= 10*c.cfg.SweepMax):
			l.highestAtSweep, l.sweptAt = l.highestSeen, now
			l.readFrom(0)
			l.beginSweep()
		case kind == readNew && !l.mayHaveMore:
			l.readFrom(l.highestAtSweep)
		}
	}
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
			c.claims.schedule.sweepSoon(time.Now())
			l.skip(in.skippedRow, time.Now())
		}
	}
	return found
}

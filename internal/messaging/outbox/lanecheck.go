package outbox

import (
	"context"
	"errors"
	"time"
)

// checkLogs compares the logs of the next lane that opens with the database. A lane is checked when it opens, after the
// relay's connections to the database were opened again, after a topic or the cluster has changed, and after a batch has
// landed at an unexpected offset.
func (c *coordinator) checkLogs(now time.Time) {
	if c.logCheckRunning || c.stopping || !c.checks.passed || !now.Before(c.deadline) {
		return
	}
	var l *lane
	for _, one := range c.lanes {
		if one.phase != phaseOpening || one.verified || one.sending() {
			continue
		}
		if now.Before(one.checkAt) {
			c.tickAt(one.checkAt)
		} else if l == nil || one.checkAt.Before(l.checkAt) {
			l = one
		}
	}
	if l == nil {
		return
	}
	type outcome struct {
		result checkResult
		err    error
	}
	round, fenced := c.checkRound, l.fenced
	c.logCheckRunning = true
	runInBackground(c, func(ctx context.Context) outcome {
		result, err := c.checker.check(ctx, l.lease(), fenced)
		return outcome{result, err}
	}, func(o outcome) {
		c.logCheckRunning = false
		c.metrics.stage.WithLabelValues("compare").Observe(time.Since(now).Seconds())
		if !errors.Is(o.err, errLeaseLost) {
			c.report("compare", o.err)
		}
		if l.phase == phaseOpening && round == c.checkRound {
			c.finishCheck(l, o.result, o.err, time.Since(now))
		}
	})
}

// finishCheck updates a lane after a check that took this long.
func (c *coordinator) finishCheck(l *lane, r checkResult, err error, took time.Duration) {
	now := time.Now()
	switch {
	case errors.Is(err, errLeaseLost):
		l.checkAt, c.renewAt = now.Add(c.cfg.RetryMax), now
	case err != nil:
		l.checkAt = now.Add(c.cfg.RetryMax)
	case r.halt != nil:
		c.setHalt(l, r.halt)
		l.checkAt = now.Add(max(c.cfg.RecheckEvery, 20*took))
	case r.skipped: // the next lease pass replaces the lane
		l.checkAt, c.renewAt = now.Add(c.cfg.LeaseTimeout), now
	default:
		c.setHalt(l, nil)
		l.verified = true
		for _, s := range l.streams {
			s.expect(r.ends[s.tp.Topic])
		}
	}
}

// recheckLanes stops publishing until each lane has been checked again. The rows in memory stay.
func (c *coordinator) recheckLanes(why string) {
	c.log.Info("the relay compares the logs with the database again", "reason", why)
	c.checkRound++
	for _, l := range c.lanes {
		l.recheck()
	}
}

// recheck makes the lane wait for a check. Nothing of it is sent or marked before.
func (l *lane) recheck() {
	l.verified, l.checkAt = false, time.Time{}
	if l.phase == phaseReady {
		l.phase = phaseOpening
	}
}

// expect sets where the next batch has to land. While it is open whether the batch in flight has been written, the batch
// may land below the end of the log.
func (s *stream) expect(end int64) {
	if s.inFlight != nil {
		s.exact = false
		return
	}
	s.nextOffset, s.exact = end, true
}

// landing says what the offset of an acknowledged batch means.
type landing int

const (
	landedAtEnd  landing = iota
	landedBefore         // the broker took the batch for a repetition, or the log lost its end: the rows are not in the log
	landedAfter          // another producer has written since the log was compared
)

// landed compares the offset of the acknowledged batch in flight with the expected one.
//
// landedBefore: a database that comes back from a backup gives out epochs again. The broker then takes the first batch of
// an epoch, which has sequence 0, for a repetition, and acknowledges it without writing it.
func (s *stream) landed(offset int64) landing {
	switch {
	case offset < s.nextOffset:
		return landedBefore
	case offset > s.nextOffset && s.exact:
		return landedAfter
	default:
		return landedAtEnd
	}
}

// fence stops the lane, because the broker has fenced it.
func (l *lane) fence(how string, now time.Time) {
	if l.phase != phaseReady && l.phase != phaseOpening {
		return // it ends anyway
	}
	l.phase, l.fenced, l.fencedAt, l.verified = phaseFenced, how, now, false
}

// confirmFence handles a lane that the broker has fenced. If another instance has taken the shard over, the lease is lost.
// If a lease pass that began after the fencing finds that the lease is still held, another database publishes with the
// same producer id. The lane then halts. With a higher epoch it would fence the other one.
func (c *coordinator) confirmFence(l *lane, passBegan time.Time) {
	if l.phase == phaseFenced && passBegan.After(l.fencedAt) {
		l.phase, l.checkAt = phaseOpening, time.Time{}
	}
}

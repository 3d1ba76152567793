package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// checkLogs compares the logs of lanes that open with the database: one at a time of each topic, so that no topic waits for
// another one. A lane is checked when it opens, after the relay's connections to the database were opened again, after a topic
// or the cluster has changed, and after a batch has landed at an unexpected offset.
func (c *coordinator) checkLogs(now time.Time) {
	if c.stopping || !now.Before(c.deadline) {
		return
	}
	for _, topic := range c.cfg.Topics {
		if k := c.checkers[topic]; !k.running && c.topics.passed(topic) {
			if l := c.nextToCheck(topic, now); l != nil {
				c.checkLog(k, l, now)
			}
		}
	}
}

// nextToCheck returns the lane of the topic that has waited longest for its check, or nil.
func (c *coordinator) nextToCheck(topic string, now time.Time) (next *lane) {
	for _, l := range c.lanes {
		if l.tp.Topic != topic || l.phase != phaseOpening || l.verified || l.sending {
			continue
		}
		if now.Before(l.checkAt) {
			c.tickAt(l.checkAt)
		} else if next == nil || l.checkAt.Before(next.checkAt) {
			next = l
		}
	}
	return next
}

func (c *coordinator) checkLog(k *logChecker, l *lane, now time.Time) {
	type outcome struct {
		result checkResult
		err    error
	}
	round, fenced := l.checkRound, l.fenced
	k.running = true
	runInBackground(c, func(ctx context.Context) outcome {
		result, err := k.check(ctx, l.lease(), fenced)
		return outcome{result, err}
	}, func(o outcome) {
		k.running = false
		c.metrics.stage.WithLabelValues("compare").Observe(time.Since(now).Seconds())
		if !errors.Is(o.err, errLeaseLost) {
			c.report("compare "+l.tp.Topic, o.err)
		}
		if l.phase == phaseOpening && round == l.checkRound {
			c.finishCheck(l, o.result, o.err, time.Since(now))
		}
	})
}

// finishCheck updates a lane after a check that took this long.
func (c *coordinator) finishCheck(l *lane, r checkResult, err error, took time.Duration) {
	now := time.Now()
	l.leaderless = errors.Is(err, broker.ErrNoLeader)
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
		l.expect(r.end)
	}
}

// recheckLanes stops publishing until each lane of the topics has been checked again. The rows in memory stay.
func (c *coordinator) recheckLanes(why string, topics ...string) {
	c.log.Info("the relay compares the logs with the database again", "reason", why, "topics", topics)
	for _, l := range c.lanes {
		if slices.Contains(topics, l.tp.Topic) {
			l.recheck()
		}
	}
}

// recheck makes the lane wait for a check. Nothing of it is sent or marked before.
func (l *lane) recheck() {
	l.verified, l.checkAt = false, time.Time{}
	l.checkRound++
	if l.phase == phaseReady {
		l.phase = phaseOpening
	}
}

// expect sets where the next batch has to land. While it is open whether the batch in flight has been written, the batch
// may land below the end of the log.
func (l *lane) expect(end int64) {
	if l.inFlight != nil {
		l.exact = false
		return
	}
	l.nextOffset, l.exact = end, true
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
func (l *lane) landed(offset int64) landing {
	switch {
	case offset < l.nextOffset:
		return landedBefore
	case offset > l.nextOffset && l.exact:
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

package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// produce sends one request to each broker that has none in flight, with the next batches of the partitions it leads. While
// the request is in flight, the queues grow, so the load sets the size of the next batches.
func (c *coordinator) produce(now time.Time) {
	if !c.mayProduce(now) {
		return
	}
	ready := map[broker.NodeID][]*lane{}
	for _, l := range c.lanes {
		if c.mayStart(l, now) {
			ready[l.leader] = append(ready[l.leader], l)
		}
	}
	for node, lanes := range ready {
		if chosen := c.fillRequest(node, lanes); len(chosen) > 0 {
			c.send(node, chosen, now)
		}
	}
}

// mayStart reports whether the lane has something to send now.
func (c *coordinator) mayStart(l *lane, now time.Time) bool {
	if l.phase != phaseReady || l.sending || !l.leaderKnown || c.busyBrokers[l.leader] || !c.maySend(l) || !c.topics.passed(l.tp.Topic) {
		return false
	}
	if now.Before(l.retryAt) {
		c.tickAt(l.retryAt)
		return false
	}
	if l.stale(now, c.cfg.StaleAfter) {
		c.log.Warn("a batch was not acknowledged in time: its shard continues with a new epoch", "shard", l.tp.String())
		c.endLane(l, raiseEpoch, now)
		return false
	}
	return true
}

func (c *coordinator) send(node broker.NodeID, lanes []*lane, now time.Time) {
	batches := make([]*broker.Batch, len(lanes))
	for i, l := range lanes {
		batches[i], l.sending, l.sentAt = l.inFlight.batch, true, now
	}
	c.busyBrokers[node] = true
	runInBackground(c, func(ctx context.Context) []broker.Result {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
		defer cancel()
		return c.broker.Produce(ctx, batches)
	}, func(results []broker.Result) {
		delete(c.busyBrokers, node)
		c.metrics.stage.WithLabelValues("produce").Observe(time.Since(now).Seconds())
		for i, l := range lanes {
			l.sending = false
			c.handleResult(l, results[i])
		}
	})
}

// handleResult handles the broker's answer for the batch in flight of a lane.
func (c *coordinator) handleResult(l *lane, result broker.Result) {
	if l.phase == phaseLost || l.fenced != "" {
		return // the holder of the lease sends the rows again that are still pending
	}
	now, err := time.Now(), result.Err
	if err == nil {
		c.handleAck(l, result.Offset, now)
		return
	}
	verdict := broker.VerdictOf(err)
	c.metrics.failures.WithLabelValues(l.tp.Topic, verdictNames[verdict]).Inc()
	if verdict != broker.Resend && verdict != broker.NotWritten {
		c.kafka.answered()
		l.failures = 0
	}
	switch verdict {
	case broker.Resend, broker.NotWritten:
		c.report("kafka", err)
		l.inFlight.unsure = l.inFlight.unsure || verdict == broker.Resend
		l.retryLater(now, c.cfg.RetryMin, c.cfg.RetryMax)
		l.leaderKnown = false
		c.divideLater(l, err, now)
	case broker.NextEpoch:
		c.log.Info("a shard continues with a new epoch", "shard", l.tp.String(), "error", err)
		c.endLane(l, raiseEpoch, now.Add(c.cfg.RetryMin))
	case broker.Fenced:
		// Never raise the epoch and send again: the holder of the higher epoch may be far ahead, or belong to another
		// database. The next lease pass shows whether the lease is lost.
		c.log.Warn("the broker has fenced a shard", "shard", l.tp.String(), "epoch", l.epoch, "error", err)
		l.fence(fmt.Sprintf("a higher epoch than %d of the producer id %d has written to %s, but this database has not given "+
			"out a higher one", l.epoch, l.session.ID, l.tp), now)
		c.renewAt = now
	case broker.Refused:
		if row := l.handleRefusal(); row != nil {
			c.log.Error("the broker refuses an event: its aggregate backs off", "topic", l.tp.Topic, "key", row.key, "error", err)
			l.withdraw(row, err.Error())
		}
	case broker.Configuration, broker.Bug:
		c.haltLane(l, err)
	}
}

// handleAck handles the acknowledgement of a batch, whose first record has the given offset.
func (c *coordinator) handleAck(l *lane, offset int64, now time.Time) {
	c.kafka.acknowledged()
	landed := l.landed(offset)
	if landed == landedBefore {
		c.metrics.failures.WithLabelValues(l.tp.Topic, "not_at_end").Inc()
		c.log.Warn("a batch was acknowledged, but it is not at the end of the log: its shard continues with a new epoch",
			"shard", l.tp.String(), "epoch", l.epoch, "offset", offset, "expected", l.nextOffset)
		c.endLane(l, raiseEpoch, now)
		return
	}
	l.waitingSince = time.Time{}
	rows := l.acknowledge(offset)
	c.setHalt(l, nil)
	c.kafkaAnswered()
	c.metrics.published.WithLabelValues(l.tp.Topic).Add(float64(len(rows)))
	for _, r := range rows {
		r.ackedAt = now
		c.metrics.inOutbox.Observe(now.Sub(r.createdAt).Seconds())
	}
	if landed == landedAfter {
		c.log.Warn("another producer has written to a log: the relay compares it with the database again", "shard", l.tp.String())
		l.recheck()
	}
}

var verdictNames = map[broker.Verdict]string{
	broker.Resend: "resend", broker.NotWritten: "not_written", broker.NextEpoch: "next_epoch", broker.Fenced: "fenced",
	broker.Refused: "refused", broker.Configuration: "configuration", broker.Bug: "bug",
}

// haltLane stops publishing a shard and reports why, for an operator. It tries again every RecheckEvery. That needs no new
// epoch: a refused request writes nothing. If an earlier try may have written the batch, the same bytes are sent again.
func (c *coordinator) haltLane(l *lane, err error) {
	c.setHalt(l, &Halt{Code: RefusedByKafka, Reason: "publishing to " + l.tp.String() + " fails: " + err.Error()})
	if l.inFlight != nil && !l.inFlight.unsure {
		l.unfreeze() // otherwise the batch would become stale
	}
	l.retryAt = time.Now().Add(c.cfg.RecheckEvery)
}

// lookUpLeaders finds the leaders of the partitions that have rows to send. A partition without a leader waits; others
// do not wait for it.
func (c *coordinator) lookUpLeaders(now time.Time) {
	if c.leaderLookupRunning || c.stopping {
		return
	}
	var wanted []*lane
	for _, l := range c.lanes {
		if l.phase != phaseReady || l.leaderKnown || !l.hasRows() {
			continue
		}
		if now.Before(l.retryAt) {
			c.tickAt(l.retryAt)
			continue
		}
		wanted = append(wanted, l)
	}
	if len(wanted) == 0 {
		return
	}
	type answer struct {
		leader broker.NodeID
		err    error
	}
	c.leaderLookupRunning = true
	runInBackground(c, func(ctx context.Context) []answer {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
		defer cancel()
		answers := make([]answer, len(wanted))
		for i, l := range wanted {
			answers[i].leader, answers[i].err = c.broker.Leader(ctx, l.tp)
		}
		return answers
	}, func(answers []answer) {
		c.leaderLookupRunning = false
		for i, l := range wanted {
			l.leader, l.leaderKnown = answers[i].leader, answers[i].err == nil
			l.leaderless = errors.Is(answers[i].err, broker.ErrNoLeader)
			if !l.leaderKnown {
				c.report("kafka", answers[i].err)
				l.retryLater(time.Now(), c.cfg.RetryMin, c.cfg.RetryMax)
			}
		}
	})
}

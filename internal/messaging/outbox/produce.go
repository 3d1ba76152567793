package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// produce sends one request to each broker that has none in flight, with the next batches of the partitions it leads. While
// the request is in flight, the queues grow, so the load sets the size of the next batches.
func (c *coordinator) produce(now time.Time) {
	if !c.mayProduce(now) || !c.checks.passed {
		return
	}
	ready := map[broker.NodeID][]*stream{}
	for _, l := range c.lanes {
		for _, s := range l.streams {
			if c.mayStart(s, now) {
				ready[s.leader] = append(ready[s.leader], s)
			}
		}
	}
	for node, streams := range ready {
		if chosen := c.fillRequest(node, streams); len(chosen) > 0 {
			c.send(node, chosen, now)
		}
	}
}

// mayStart reports whether the stream has something to send now.
func (c *coordinator) mayStart(s *stream, now time.Time) bool {
	if s.lane.phase != phaseReady || s.sending || !s.leaderKnown || c.busyBrokers[s.leader] || s.inFlight == nil && !c.mayFreeze(s) {
		return false
	}
	if now.Before(s.retryAt) {
		c.tickAt(s.retryAt)
		return false
	}
	if s.stale(now, c.cfg.StaleAfter) {
		c.log.Warn("a batch was not acknowledged in time: its shard continues with a new epoch", "partition", s.tp.String())
		c.endLane(s.lane, raiseEpoch, now)
		return false
	}
	return true
}

func (c *coordinator) send(node broker.NodeID, streams []*stream, now time.Time) {
	batches := make([]*broker.Batch, len(streams))
	for i, s := range streams {
		batches[i], s.sending, s.sentAt = s.inFlight.batch, true, now
	}
	c.busyBrokers[node] = true
	runInBackground(c, func(ctx context.Context) []broker.Result {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
		defer cancel()
		return c.broker.Produce(ctx, batches)
	}, func(results []broker.Result) {
		delete(c.busyBrokers, node)
		c.metrics.stage.WithLabelValues("produce").Observe(time.Since(now).Seconds())
		for i, s := range streams {
			s.sending = false
			c.handleResult(s, results[i])
		}
	})
}

// handleResult handles the broker's answer for one batch.
func (c *coordinator) handleResult(s *stream, result broker.Result) {
	if s.lane.phase == phaseLost || s.lane.fenced != "" {
		return // the holder of the lease sends the rows again that are still pending
	}
	now, err := time.Now(), result.Err
	if err == nil {
		c.kafka.acknowledged()
		c.handleAck(s, result.Offset, now)
		return
	}
	verdict := broker.VerdictOf(err)
	c.metrics.failures.WithLabelValues(s.tp.Topic, verdictNames[verdict]).Inc()
	if verdict != broker.Resend && verdict != broker.NotWritten {
		c.kafka.answered()
	}
	switch verdict {
	case broker.Resend, broker.NotWritten:
		c.report("kafka", err)
		s.retryLater(now, c.cfg.RetryMin, c.cfg.RetryMax)
		s.leaderKnown = false
		c.divideLater(s, err, now)
	case broker.NextEpoch:
		c.log.Info("a shard continues with a new epoch", "partition", s.tp.String(), "error", err)
		c.endLane(s.lane, raiseEpoch, now.Add(c.cfg.RetryMin))
	case broker.Fenced:
		// Never raise the epoch and send again: the holder of the higher epoch may be far ahead, or belong to another
		// database. The next lease pass shows whether the lease is lost.
		c.log.Warn("the broker has fenced a shard", "partition", s.tp.String(), "epoch", s.lane.epoch, "error", err)
		s.lane.fence(fmt.Sprintf("a higher epoch than %d of the producer id %d has written to %s, but this database has not given "+
			"out a higher one", s.lane.epoch, s.lane.session.ID, s.tp), now)
		c.renewAt = now
	case broker.Refused:
		if row := s.handleRefusal(); row != nil {
			c.log.Error("the broker refuses an event: its aggregate backs off", "topic", row.topic, "key", row.key, "error", err)
			s.lane.withdraw(s, row, err.Error())
		}
	case broker.Configuration, broker.Bug:
		c.haltLane(s, err)
	}
}

// handleAck handles the acknowledgement of a batch, whose first record has the given offset.
func (c *coordinator) handleAck(s *stream, offset int64, now time.Time) {
	landed := s.landed(offset)
	if landed == landedBefore {
		c.metrics.failures.WithLabelValues(s.tp.Topic, "not_at_end").Inc()
		c.log.Warn("a batch was acknowledged, but it is not at the end of the log: its shard continues with a new epoch",
			"partition", s.tp.String(), "epoch", s.lane.epoch, "offset", offset, "expected", s.nextOffset)
		c.endLane(s.lane, raiseEpoch, now)
		return
	}
	s.lane.waitingSince = time.Time{}
	rows := s.lane.acknowledge(s, offset)
	c.kafkaAnswered()
	c.metrics.published.WithLabelValues(s.tp.Topic).Add(float64(len(rows)))
	for _, r := range rows {
		c.metrics.inOutbox.Observe(now.Sub(r.createdAt).Seconds())
	}
	if landed == landedAfter {
		c.log.Warn("another producer has written to a log: the relay compares it with the database again", "partition", s.tp.String())
		s.lane.recheck()
	}
}

var verdictNames = map[broker.Verdict]string{
	broker.Resend: "resend", broker.NotWritten: "not_written", broker.NextEpoch: "next_epoch", broker.Fenced: "fenced",
	broker.Refused: "refused", broker.Configuration: "configuration", broker.Bug: "bug",
}

// haltLane stops publishing a shard and reports why, for an operator. After RecheckEvery it tries again, with a new
// epoch.
func (c *coordinator) haltLane(s *stream, err error) {
	c.setHalt(s.lane, &Halt{Code: RefusedByKafka, Reason: "publishing to " + s.tp.String() + " fails: " + err.Error()})
	c.endLane(s.lane, raiseEpoch, time.Now().Add(c.cfg.RecheckEvery))
}

// lookUpLeaders finds the leaders of the partitions that have rows to send. A partition without a leader waits; others
// do not wait for it.
func (c *coordinator) lookUpLeaders(now time.Time) {
	if c.leaderLookupRunning || c.stopping {
		return
	}
	var wanted []*stream
	for _, l := range c.lanes {
		for _, s := range l.streams {
			if l.phase != phaseReady || s.leaderKnown || s.inFlight == nil && len(s.queue) == 0 {
				continue
			}
			if now.Before(s.retryAt) {
				c.tickAt(s.retryAt)
				continue
			}
			wanted = append(wanted, s)
		}
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
		for i, s := range wanted {
			answers[i].leader, answers[i].err = c.broker.Leader(ctx, s.tp)
		}
		return answers
	}, func(answers []answer) {
		c.leaderLookupRunning = false
		for i, s := range wanted {
			s.leader, s.leaderKnown = answers[i].leader, answers[i].err == nil
			if !s.leaderKnown {
				c.report("kafka", answers[i].err)
				s.retryLater(time.Now(), c.cfg.RetryMin, c.cfg.RetryMax)
			}
		}
	})
}

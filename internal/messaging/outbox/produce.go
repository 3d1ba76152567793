package outbox

import (
	"context"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// produce sends one request to every broker that none is under way to, with what its partitions have. While it is under
// way the next batches grow, so the load sets their size.
func (c *coordinator) produce(now time.Time) {
	if !c.mayProduce(now) || !c.checks.passed {
		return
	}
	requests := map[broker.NodeID][]*stream{}
	for _, l := range c.lanes {
		for _, s := range l.streams {
			if c.prepare(s, now) {
				requests[s.leader] = append(requests[s.leader], s)
			}
		}
	}
	for node, streams := range requests {
		c.send(node, streams, now)
	}
}

// prepare says whether the stream has a batch to send now; it freezes one if there is none.
func (c *coordinator) prepare(s *stream, now time.Time) bool {
	if s.lane.phase != ready || s.sending || !s.led || c.busy[s.leader] || s.flight == nil && len(s.queue) == 0 {
		return false
	}
	if now.Before(s.retryAt) {
		c.at(s.retryAt)
		return false
	}
	if s.stale(now, c.cfg.StaleAfter) {
		c.log.Warn("a batch was not acknowledged in time: its shard goes on with a new epoch", "partition", s.tp.String())
		c.end(s.lane, raise, now)
		return false
	}
	if s.flight == nil {
		if err := s.freeze(c.cfg.BatchRows, c.cfg.BatchBytes); err != nil {
			c.halt(s, err)
			return false
		}
	}
	return true
}

func (c *coordinator) send(node broker.NodeID, streams []*stream, now time.Time) {
	batches := make([]*broker.Batch, len(streams))
	for i, s := range streams {
		batches[i], s.sending = s.flight.batch, true
	}
	c.busy[node] = true
	start(c, func(ctx context.Context) []broker.Result {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
		defer cancel()
		return c.broker.Produce(ctx, batches)
	}, func(results []broker.Result) {
		delete(c.busy, node)
		c.metrics.stage.WithLabelValues("produce").Observe(time.Since(now).Seconds())
		for i, s := range streams {
			s.sending = false
			c.resolved(s, results[i].Err)
		}
	})
}

// resolved does what the broker's answer asks for.
func (c *coordinator) resolved(s *stream, err error) {
	if s.lane.phase == lost {
		return // whoever has the lease now sends what is pending; what was written is written
	}
	now := time.Now()
	if err == nil {
		rows := s.lane.acknowledge(s)
		c.kafkaAnswered()
		c.metrics.published.WithLabelValues(s.tp.Topic).Add(float64(len(rows)))
		for _, r := range rows {
			c.metrics.inOutbox.Observe(now.Sub(r.createdAt).Seconds())
		}
		return
	}
	verdict := broker.VerdictOf(err)
	c.metrics.failures.WithLabelValues(s.tp.Topic, verdictNames[verdict]).Inc()
	switch verdict {
	case broker.Resend, broker.NotWritten:
		c.report("kafka", err)
		s.failed(now, c.cfg.RetryMin, c.cfg.RetryMax)
		s.led = false
	case broker.NextEpoch:
		c.log.Info("a shard goes on with a new epoch", "partition", s.tp.String(), "error", err)
		c.end(s.lane, raise, now.Add(c.cfg.RetryMin))
	case broker.Fenced:
		// Never bump and send again: the holder of a higher epoch may be far ahead. If the lease is still ours the
		// release lets everybody, ourselves included, begin anew with what is pending.
		c.log.Warn("the broker has fenced a shard off", "partition", s.tp.String(), "epoch", s.lane.epoch, "error", err)
		c.end(s.lane, release, now.Add(c.cfg.RetryMax))
	case broker.Refused:
		if row := s.refused(); row != nil {
			c.log.Error("the broker refuses an event: its aggregate backs off", "topic", row.topic, "key", row.key, "error", err)
			s.lane.withdraw(s, row, err.Error())
		}
	case broker.Configuration, broker.Bug:
		c.halt(s, err)
	}
}

var verdictNames = map[broker.Verdict]string{
	broker.Resend: "resend", broker.NotWritten: "not_written", broker.NextEpoch: "next_epoch", broker.Fenced: "fenced",
	broker.Refused: "refused", broker.Configuration: "configuration", broker.Bug: "bug",
}

// halt stops a shard until somebody has looked; now and then it tries again, with a new epoch.
func (c *coordinator) halt(s *stream, err error) {
	l := s.lane
	l.reason = "publishing to " + s.tp.String() + " is halted: " + err.Error()
	c.log.Error("publishing is halted", "shard", l.shard, "partition", s.tp.String(), "error", err)
	c.end(l, raise, time.Now().Add(c.cfg.RecheckEvery))
}

// resolve looks up the leaders of partitions that have something to send. One without a leader waits, alone.
func (c *coordinator) resolve(now time.Time) {
	if c.resolving || c.stopping {
		return
	}
	var wanted []*stream
	for _, l := range c.lanes {
		for _, s := range l.streams {
			if l.phase != ready || s.led || s.flight == nil && len(s.queue) == 0 {
				continue
			}
			if now.Before(s.retryAt) {
				c.at(s.retryAt)
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
	c.resolving = true
	start(c, func(ctx context.Context) []answer {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
		defer cancel()
		answers := make([]answer, len(wanted))
		for i, s := range wanted {
			answers[i].leader, answers[i].err = c.broker.Leader(ctx, s.tp)
		}
		return answers
	}, func(answers []answer) {
		c.resolving = false
		for i, s := range wanted {
			s.leader, s.led = answers[i].leader, answers[i].err == nil
			if !s.led {
				c.report("kafka", answers[i].err)
				s.failed(time.Now(), c.cfg.RetryMin, c.cfg.RetryMax)
			}
		}
	})
}

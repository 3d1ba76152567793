package outbox

import (
	"time"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// State tells what a relay is doing, for readiness checks and for people.
type State struct {
	Instance    string            `json:"instance"`
	Shards      []string          `json:"shards"`                // that this instance publishes, as topic-partition
	Halted      []Halt            `json:"halted,omitempty"`      // problems that an operator has to solve
	Compares    string            `json:"compares,omitempty"`    // the log that the relay has been comparing for long, and how far it is
	Standstills []Standstill      `json:"standstills,omitempty"` // all states in which events do not move, with the halts
	Troubles    map[string]string `json:"troubles,omitempty"`    // failures that are tried again: part of the relay → last error
}

// State returns the relay's state.
func (r *Relay) State() State { return *r.state.Load() }

func (c *coordinator) publishState(now time.Time) {
	s := &State{Instance: c.cfg.Name, Shards: []string{}}
	var halts haltList
	for _, topic := range c.cfg.Topics {
		if compares := c.checkers[topic].progress.Load(); compares != nil {
			s.Compares = *compares
		}
		if reason := c.topics.of[topic].reason; reason != "" {
			halts = append(halts, Halt{Code: TopicsUnfit, Reason: reason})
		}
	}
	for _, l := range c.lanes {
		if l.phase == phaseReady && l.halt == nil {
			s.Shards = append(s.Shards, l.tp.String())
		}
		if l.halt != nil {
			halts.add(*l.halt, l.tp.String())
		}
	}
	s.Halted, s.Standstills = halts, c.standstills(halts, now)
	c.metrics.setHalted(halts)
	c.metrics.setStandstills(s.Standstills)
	for part, t := range c.troubles {
		if s.Troubles == nil {
			s.Troubles = map[string]string{}
		}
		s.Troubles[part] = t.last
	}
	c.state.Store(s)
}

// trouble is a failure that is tried again.
type trouble struct {
	since, logged time.Time
	last          string
}

// logEvery bounds how often a lasting trouble is logged.
const logEvery = 30 * time.Second

// report logs the beginning and the end of a trouble, and every logEvery that it lasts.
func (c *coordinator) report(part string, err error) {
	t := c.troubles[part]
	now := time.Now()
	switch {
	case err == nil && t == nil:
	case c.io.Err() != nil: // the stop has ended the work; this is not a trouble
	case err == nil:
		c.log.Info("a part of the relay works again", "part", part, "failed_for", now.Sub(t.since).Round(time.Millisecond))
		delete(c.troubles, part)
	case t == nil:
		c.troubles[part] = &trouble{since: now, logged: now, last: pgtx.Brief(err)}
		c.log.Warn("a part of the relay fails and is tried again", "part", part, "error", err)
	default:
		if t.last = pgtx.Brief(err); now.Sub(t.logged) >= logEvery {
			t.logged = now
			c.log.Warn("a part of the relay still fails", "part", part, "since", t.since, "error", err)
		}
	}
}

// kafkaAnswered ends the trouble with Kafka, unless events of a partition still wait after a failed try.
func (c *coordinator) kafkaAnswered() {
	if c.troubles["kafka"] == nil {
		return
	}
	for _, l := range c.lanes {
		if l.failures > 0 && c.maySend(l) {
			return
		}
	}
	c.report("kafka", nil)
}

// backoff returns how long to wait after the given number of failures in a row.
func backoff(fails int, first, longest time.Duration) time.Duration {
	if fails > 16 {
		return longest
	}
	return min(first<<(fails-1), longest)
}

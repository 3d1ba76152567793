package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// State is what a relay is doing, for readiness and for people.
type State struct {
	Instance string            `json:"instance"`
	Shards   []int             `json:"shards"`             // published by this instance
	Halted   []string          `json:"halted,omitempty"`   // what somebody has to see to
	Troubles map[string]string `json:"troubles,omitempty"` // what is tried again: part → last error
}

// State returns the relay's state.
func (r *Relay) State() State { return *r.state.Load() }

func (c *coordinator) publishState() {
	s := &State{Instance: c.cfg.Name, Shards: []int{}}
	if c.checks.reason != "" {
		s.Halted = append(s.Halted, c.checks.reason)
	}
	seen := map[string]bool{}
	for _, l := range c.lanes {
		if l.phase == ready {
			s.Shards = append(s.Shards, int(l.shard))
		}
		if l.reason != "" && !seen[l.reason] {
			seen[l.reason] = true
			s.Halted = append(s.Halted, l.reason)
		}
	}
	for part, t := range c.troubles {
		if s.Troubles == nil {
			s.Troubles = map[string]string{}
		}
		s.Troubles[part] = t.last
	}
	c.state.Store(s)
}

// trouble is something that fails and is tried again.
type trouble struct {
	since, logged time.Time
	last          string
}

// logEvery bounds what a long trouble writes to the log.
const logEvery = 30 * time.Second

// report logs the beginning and the end of a trouble, and in between now and then that it lasts.
func (c *coordinator) report(part string, err error) {
	t := c.troubles[part]
	now := time.Now()
	switch {
	case err == nil && t == nil:
	case c.io.Err() != nil: // what is cut off by the stop is no trouble
	case err == nil:
		c.log.Info("the relay's trouble is over", "part", part, "lasted", now.Sub(t.since).Round(time.Millisecond))
		delete(c.troubles, part)
	case t == nil:
		c.troubles[part] = &trouble{since: now, logged: now, last: brief(err)}
		c.log.Warn("the relay has trouble and tries again", "part", part, "error", err)
	default:
		if t.last = brief(err); now.Sub(t.logged) >= logEvery {
			t.logged = now
			c.log.Warn("the relay still has trouble", "part", part, "since", t.since, "error", err)
		}
	}
}

// kafkaAnswered ends the trouble with Kafka, unless some partition still has it.
func (c *coordinator) kafkaAnswered() {
	if c.troubles["kafka"] == nil {
		return
	}
	for _, l := range c.lanes {
		for _, s := range l.streams {
			if s.fails > 0 {
				return
			}
		}
	}
	c.report("kafka", nil)
}

// brief returns an error's text for readiness, which anybody may read. The error of a failed connection names the user,
// the database and the host, so brief replaces it; the log has it in full.
func brief(err error) string {
	if _, is := errors.AsType[*pgconn.ConnectError](err); !is {
		return err.Error()
	}
	if answer, is := errors.AsType[*pgconn.PgError](err); is {
		return "the database takes no session (SQLSTATE " + answer.Code + ")"
	}
	return "the database cannot be reached"
}

// backoff is the wait after so many failures in a row.
func backoff(fails int, first, longest time.Duration) time.Duration {
	if fails > 16 {
		return longest
	}
	return min(first<<(fails-1), longest)
}

func unknownTopic(topic string) error {
	return fmt.Errorf("the outbox has events for topic %s, which this service does not publish", topic)
}

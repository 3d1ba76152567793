package outbox

import (
	"errors"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// fillRequest chooses the lanes for one request to a broker, and freezes their next batches. The request carries as much as
// the link to the broker carries in time. Lanes that do not fit take part in the next one: those that have waited longest
// come first.
func (c *coordinator) fillRequest(node broker.NodeID, lanes []*lane) (chosen []*lane) {
	slices.SortStableFunc(lanes, func(a, b *lane) int { return a.sentAt.Compare(b.sentAt) })
	limit := c.broker.ProduceLimit(node)
	room := limit
	for _, l := range lanes {
		if l.inFlight == nil {
			if len(chosen) > 0 && room < limit/8 {
				continue // its batch would be very small
			}
			if err := l.freeze(c.cfg.BatchRows, min(c.cfg.BatchBytes, room)); err != nil {
				c.haltLane(l, err)
				continue
			}
		}
		size := l.inFlight.batch.Bytes()
		if len(chosen) > 0 && size > room {
			continue // a single large row, or a batch from before the link became slow: it is sent alone
		}
		chosen, room = append(chosen, l), room-size
	}
	return chosen
}

// slowTries is how often a batch that is too large for the link is sent before it is divided.
const slowTries = 3

// divideLater makes the lane begin again with a new epoch if the batch in flight is too large for a link that has become slow.
// Only the rows of another epoch may be sent in other batches. Each later batch fits, so this happens once, even if the broker
// does not answer for another reason.
func (c *coordinator) divideLater(l *lane, err error, now time.Time) {
	failure, ok := errors.AsType[*broker.Error](err)
	if !ok || !failure.TimedOut {
		return
	}
	limit := c.broker.ProduceLimit(l.leader)
	b := l.inFlight
	if b.slowTries++; b.slowTries < slowTries || len(b.rows) == 1 || b.batch.Bytes() <= limit {
		return
	}
	c.log.Warn("a batch is too large for the link to the broker: its shard continues with a new epoch, and with smaller batches",
		"partition", l.tp.String(), "bytes", b.batch.Bytes(), "limit", limit)
	c.endLane(l, raiseEpoch, now)
}

package outbox

import (
	"errors"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// fillRequest chooses the streams for one request to a broker, and freezes their next batches. The request carries as much as
// the link to the broker carries in time. Streams that do not fit take part in the next one: those that have waited longest
// come first.
func (c *coordinator) fillRequest(node broker.NodeID, streams []*stream) (chosen []*stream) {
	slices.SortStableFunc(streams, func(a, b *stream) int { return a.sentAt.Compare(b.sentAt) })
	limit := c.broker.ProduceLimit(node)
	room := limit
	for _, s := range streams {
		if s.inFlight == nil {
			if len(chosen) > 0 && room < limit/8 {
				continue // its batch would be very small
			}
			if err := s.freeze(c.cfg.BatchRows, min(c.cfg.BatchBytes, room)); err != nil {
				c.haltLane(s, err)
				continue
			}
		}
		size := s.inFlight.batch.Bytes()
		if len(chosen) > 0 && size > room {
			continue // a single large row, or a batch from before the link became slow: it is sent alone
		}
		chosen, room = append(chosen, s), room-size
	}
	return chosen
}

// slowTries is how often a batch that is too large for the link is sent before it is divided.
const slowTries = 3

// divideLater makes the lane begin again with a new epoch if the batch in flight is too large for a link that has become slow.
// Only the rows of another epoch may be sent in other batches. Each later batch fits, so this happens once, even if the broker
// does not answer for another reason.
func (c *coordinator) divideLater(s *stream, err error, now time.Time) {
	failure, ok := errors.AsType[*broker.Error](err)
	if !ok || !failure.TimedOut {
		return
	}
	limit := c.broker.ProduceLimit(s.leader)
	if s.slowTries++; s.slowTries < slowTries || len(s.inFlight.rows) == 1 || s.inFlight.batch.Bytes() <= limit {
		return
	}
	c.log.Warn("a batch is too large for the link to the broker: its shard continues with a new epoch, and with smaller batches",
		"partition", s.tp.String(), "bytes", s.inFlight.batch.Bytes(), "limit", limit)
	c.endLane(s.lane, raiseEpoch, now)
}

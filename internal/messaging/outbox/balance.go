package outbox

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// watch remembers since when other instances and their leases have stood still, on this process's own monotonic clock.
// Clocks of other machines, and the database's, play no part: only a beat that does not change for the whole time-out
// proves anything.
type watch struct {
	timeout   time.Duration
	instances map[uuid.UUID]sighting
	leases    map[int16]sighting
}

// sighting is the state that something was last seen to enter, and when: every steal changes the epoch, every renewal
// the beat.
type sighting struct {
	epoch, beat int64
	since       time.Time
}

func newWatch(timeout time.Duration) *watch {
	return &watch{timeout: timeout, instances: map[uuid.UUID]sighting{}, leases: map[int16]sighting{}}
}

// see records what was read. It must be called with a time after the reading: a time-out that began before would end
// before the holder's own, which counts from before its renewal (schedule H13).
func (w *watch) see(instances []messagingdb.ListInstancesRow, leases []messagingdb.OutboxLease, now time.Time) {
	known := w.instances
	w.instances = make(map[uuid.UUID]sighting, len(instances))
	for _, i := range instances {
		w.instances[i.ID] = known[i.ID].or(sighting{beat: i.Beat, since: now})
	}
	for _, l := range leases {
		w.leases[l.Shard] = w.leases[l.Shard].or(sighting{epoch: l.Epoch, beat: l.Beat, since: now})
	}
}

// or returns the old sighting as long as the new one shows the same state.
func (s sighting) or(now sighting) sighting {
	if !s.since.IsZero() && s.epoch == now.epoch && s.beat == now.beat {
		return s
	}
	return now
}

func (w *watch) stoodStill(s sighting, now time.Time) bool { return now.Sub(s.since) >= w.timeout }

// plan is what an instance does about its share of the shards.
type plan struct {
	take   []messagingdb.OutboxLease      // free, or their holder fell silent
	giveUp []int16                        // above the fair share
	bury   []messagingdb.ListInstancesRow // dead instances
}

// plan decides for the instance me, after see with the same lists.
func (w *watch) plan(me uuid.UUID, instances []messagingdb.ListInstancesRow, leases []messagingdb.OutboxLease, now time.Time) (p plan) {
	alive := []uuid.UUID{me}
	for _, i := range instances {
		switch {
		case i.ID == me:
		case w.stoodStill(w.instances[i.ID], now):
			p.bury = append(p.bury, i)
		default:
			alive = append(alive, i.ID)
		}
	}
	var mine, open []messagingdb.OutboxLease
	for _, l := range leases {
		switch {
		case l.Owner != nil && *l.Owner == me:
			mine = append(mine, l)
		case l.Owner == nil || w.stoodStill(w.leases[l.Shard], now):
			open = append(open, l)
		}
	}
	share := fairShare(me, alive, len(leases))
	if over := len(mine) - share; over > 0 {
		for _, l := range mine[len(mine)-over:] {
			p.giveUp = append(p.giveUp, l.Shard)
		}
	}
	// Instances that look at the same moment begin at different places, so that they rarely want the same shard.
	if n := len(open); n > 0 {
		start := int(me[15]) % n
		open = append(open[start:len(open):len(open)], open[:start]...)
	}
	p.take = open[:max(0, min(share-len(mine), len(open)))]
	return p
}

// fairShare is how many of n shards belong to me: all instances that see the same list come to shares that add up to n.
func fairShare(me uuid.UUID, alive []uuid.UUID, n int) int {
	slices.SortFunc(alive, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	rank := slices.Index(alive, me)
	share := n / len(alive)
	if rank < n%len(alive) {
		share++
	}
	return share
}

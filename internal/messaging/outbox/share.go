package outbox

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// livenessTracker remembers how long the beats of other instances and of their leases have not changed. It measures
// with this process's own monotonic clock. The clocks of other machines and of the database are not used: only a beat
// that does not change during the whole time-out proves that its owner is silent.
type livenessTracker struct {
	timeout   time.Duration               // of this instance
	timeouts  map[uuid.UUID]time.Duration // of all instances that tell theirs
	instances map[uuid.UUID]observation
	leases    map[broker.TopicPartition]observation
}

// observation is the state of an instance or a lease, and when this process first saw it in that state. Taking a lease
// over changes its epoch. A renewal changes its beat.
type observation struct {
	epoch, beat int64
	answers     int64 // of an instance: how often Kafka has answered it
	since       time.Time
}

func newLivenessTracker(timeout time.Duration) *livenessTracker {
	return &livenessTracker{timeout: timeout, timeouts: map[uuid.UUID]time.Duration{}, instances: map[uuid.UUID]observation{}, leases: map[broker.TopicPartition]observation{}}
}

// observe records what was read from the database. The time now must be after the read. With an earlier time, the
// time-out here could end before the holder's own, which starts before it sends its renewal (H13 slow renewal).
func (t *livenessTracker) observe(instances []messagingdb.ListInstancesRow, leases []messagingdb.ListLeasesRow, now time.Time) {
	known := t.instances
	t.instances = make(map[uuid.UUID]observation, len(instances))
	for _, i := range instances {
		t.timeouts[i.ID] = time.Duration(i.LeaseMs) * time.Millisecond
		t.instances[i.ID] = known[i.ID].unlessChanged(observation{beat: i.Beat, answers: i.Answers, since: now})
	}
	for _, l := range leases {
		tp := shardOf(l.Topic, l.Shard)
		t.leases[tp] = t.leases[tp].unlessChanged(observation{epoch: l.Epoch, beat: l.Beat, since: now})
	}
}

// unlessChanged returns s while the state is still the same, and now otherwise.
func (s observation) unlessChanged(now observation) observation {
	if !s.since.IsZero() && s.epoch == now.epoch && s.beat == now.beat {
		return s
	}
	return now
}

// timedOut reports whether an instance is silent for longer than its own time-out, and than that of this instance. The settings of
// instances may differ, for example while one is changed: an instance with a shorter time-out must not take the shards of one that
// relies on a longer one.
func (t *livenessTracker) timedOut(owner uuid.UUID, s observation, now time.Time) bool {
	return now.Sub(s.since) >= max(t.timeout, t.timeouts[owner])
}

// sharePlan is what an instance has to do to come to its fair share of the shards.
type sharePlan struct {
	take   []messagingdb.ListLeasesRow    // leases to take: they are free, or their holder is silent
	giveUp []broker.TopicPartition        // shards above the fair share
	dead   []messagingdb.ListInstancesRow // instances to remove from the table
}

// plan decides for the instance me. cutOff reports whether Kafka answers others, but not me. Call observe with the same lists
// first.
func (t *livenessTracker) plan(me uuid.UUID, cutOff bool, instances []messagingdb.ListInstancesRow, leases []messagingdb.ListLeasesRow, now time.Time,
) (p sharePlan) {
	var able []uuid.UUID
	if !cutOff {
		able = append(able, me)
	}
	for _, i := range instances {
		switch {
		case i.ID == me:
		case t.timedOut(i.ID, t.instances[i.ID], now):
			p.dead = append(p.dead, i)
		case kafkaLink(i.Kafka) != linkCutOff:
			able = append(able, i.ID)
		}
	}
	var mine, open []messagingdb.ListLeasesRow
	for _, l := range leases {
		switch {
		case l.Owner != nil && *l.Owner == me:
			mine = append(mine, l)
		case l.Owner == nil || t.timedOut(*l.Owner, t.leases[shardOf(l.Topic, l.Shard)], now):
			open = append(open, l)
		}
	}
	share := fairShare(me, able, len(leases))
	if over := len(mine) - share; over > 0 {
		for _, l := range mine[len(mine)-over:] {
			p.giveUp = append(p.giveUp, shardOf(l.Topic, l.Shard))
		}
	}
	// Instances that plan at the same moment begin at different shards, so that they rarely try to take the same one.
	if n := len(open); n > 0 {
		start := int(me[15]) % n
		open = append(open[start:len(open):len(open)], open[:start]...)
	}
	p.take = open[:max(0, min(share-len(mine), len(open)))]
	return p
}

// fairShare returns how many of n shards belong to me. The shares of all able instances that see the same list add up to n.
// An instance that is cut off from Kafka is not able, and has no share.
func fairShare(me uuid.UUID, able []uuid.UUID, n int) int {
	slices.SortFunc(able, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	rank := slices.Index(able, me)
	if rank < 0 {
		return 0
	}
	share := n / len(able)
	if rank < n%len(able) {
		share++
	}
	return share
}

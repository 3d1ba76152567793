package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// A shard that has used up the epochs of its producer id rests for Config.WrapRest before it takes a new id. Without storing
// the rest, it would begin again with each restart and each holder. So outbox_lease has how much of it is left. The holder
// counts it down with its own monotonic clock, and stores it in each lease pass.
//
// A point in time would not do: a clock that is set forward, of the database or of a machine, would end the rest too early, and
// the batches of a relay that was paused with the old id would not be fenced. What is left can only be too long: the time
// between two holders does not count, and neither does the time in which a machine is suspended.

// shardRests is when the rests of the shards end that this instance holds.
type shardRests struct {
	full time.Duration
	ends map[broker.TopicPartition]time.Time
}

// observe notes how much of a shard's rest is left, as the database says; nil if the rest begins now. An end that is known
// stays, because the database has what was left in the last pass.
func (r *shardRests) observe(l lease, left *int64, now time.Time) {
	if _, known := r.ends[l.tp]; known || !l.wrapped() {
		return
	}
	rest := r.full
	if left != nil {
		rest = time.Duration(*left) * time.Millisecond
	}
	r.ends[l.tp] = now.Add(rest)
}

// keep forgets the shards that are not among the leases, or no longer rest.
func (r *shardRests) keep(leases []lease) {
	known := r.ends
	r.ends = map[broker.TopicPartition]time.Time{}
	for _, l := range leases {
		if end, ok := known[l.tp]; ok && l.wrapped() {
			r.ends[l.tp] = end
		}
	}
}

// storeRests stores how much of each rest is left.
func (k *leaseKeeper) storeRests(ctx context.Context, q *messagingdb.Queries, leases []lease) error {
	p := messagingdb.StoreRestsParams{Owner: k.id}
	for _, l := range leases {
		if end, rests := k.rests.ends[l.tp]; rests {
			left := max(0, time.Until(end)) + time.Millisecond // rounded up
			p.Topics, p.Shards = append(p.Topics, l.tp.Topic), append(p.Shards, int16(l.tp.Partition))
			p.Epochs, p.RestsMs = append(p.Epochs, l.epoch), append(p.RestsMs, left.Milliseconds())
		}
	}
	if len(p.Shards) == 0 {
		return nil
	}
	if err := q.StoreRests(ctx, p); err != nil {
		return fmt.Errorf("store how long shards still rest: %w", err)
	}
	return nil
}

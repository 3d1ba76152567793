package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// maxEpoch is the highest producer epoch that Kafka has room for. A lease beyond it needs a new producer id.
const maxEpoch = 1<<15 - 1

// lease is the right to publish a shard, until the view's deadline.
type lease struct {
	shard      int16
	epoch      int64 // also the Kafka producer epoch, which makes brokers refuse whoever held the lease before
	producerID int64 // -1 where the shard has never been published from this database
}

// needsProducer says that Kafka has to give out a producer id before anything can be sent.
func (l lease) needsProducer() bool { return l.producerID < 0 || l.epoch > maxEpoch }

// wrapped says that the producer id it has can fence nobody off any more.
func (l lease) wrapped() bool { return l.producerID >= 0 && l.epoch > maxEpoch }

// view is what a keeper's pass found: the leases that are ours, all others are not.
type view struct {
	deadline time.Time
	leases   []lease
	giveUp   []int16 // above our fair share
}

// orderKind is what an order does.
type orderKind int

const (
	release orderKind = iota // free the lease for others
	raise                    // go on with the next epoch
	enlist                   // store a producer id
)

// order changes a lease, if it is still ours and has the epoch named.
type order struct {
	kind       orderKind
	shard      int16
	epoch      int64
	producerID int64
}

// keeper holds the leases of one instance. Only it writes to lease rows, one pass at a time, so that its views show
// every change in order.
type keeper struct {
	link  *link
	id    uuid.UUID
	name  string
	cfg   Config
	watch *watch
}

func newKeeper(link *link, id uuid.UUID, cfg Config) *keeper {
	return &keeper{link: link, id: id, name: cfg.Name, cfg: cfg, watch: newWatch(cfg.LeaseTimeout)}
}

// pass carries out orders, renews what is ours and, unless the instance is leaving, takes over what it should have.
// After an error the leases are what they were: ours until the last view's deadline.
func (k *keeper) pass(ctx context.Context, orders []order, leaving bool) (view, error) {
	q, err := k.link.queries(ctx)
	if err != nil {
		return view{}, err
	}
	for _, o := range orders {
		if err := k.carryOut(ctx, q, o); err != nil {
			return view{}, fmt.Errorf("change lease of shard %d: %w", o.shard, err)
		}
	}
	if err := q.BeatInstance(ctx, k.id, k.name); err != nil {
		return view{}, fmt.Errorf("register the instance: %w", err)
	}
	// Counted from before the renewal is sent: a thief counts from after it has read the renewed lease (H13).
	v := view{deadline: time.Now().Add(k.cfg.LeaseTimeout)}
	renewed, err := q.RenewLeases(ctx, k.id)
	if err != nil {
		return view{}, fmt.Errorf("renew leases: %w", err)
	}
	for _, l := range renewed {
		v.leases = append(v.leases, lease{shard: l.Shard, epoch: l.Epoch, producerID: l.ProducerID})
	}
	if leaving {
		return v, nil
	}
	if err := k.balance(ctx, q, &v); err != nil {
		return view{}, err
	}
	return v, nil
}

func (k *keeper) carryOut(ctx context.Context, q *messagingdb.Queries, o order) error {
	switch o.kind {
	case release:
		return q.ReleaseLease(ctx, o.shard, k.id, o.epoch)
	case raise:
		return q.RaiseEpoch(ctx, o.shard, k.id, o.epoch)
	default:
		return q.SetProducer(ctx, messagingdb.SetProducerParams{
			Shard: o.shard, Owner: k.id, Epoch: o.epoch, ProducerID: o.producerID,
		})
	}
}

// balance works towards the fair share.
func (k *keeper) balance(ctx context.Context, q *messagingdb.Queries, v *view) error {
	instances, err := q.ListInstances(ctx)
	if err != nil {
		return fmt.Errorf("list instances: %w", err)
	}
	leases, err := q.ListLeases(ctx)
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	if len(leases) != event.Partitions {
		return fmt.Errorf("the table outbox_lease has %d shards, but this program publishes to %d partitions: "+
			"the migrations do not fit this version of the program", len(leases), event.Partitions)
	}
	now := time.Now()
	k.watch.see(instances, leases, now)
	plan := k.watch.plan(k.id, instances, leases, now)
	v.giveUp = plan.giveUp
	for _, i := range plan.bury {
		if err := q.RemoveInstance(ctx, i.ID, i.Beat); err != nil {
			return fmt.Errorf("remove instance %s: %w", i.Name, err)
		}
	}
	for _, l := range plan.take {
		taken, err := q.TakeLease(ctx, messagingdb.TakeLeaseParams{Shard: l.Shard, Owner: k.id, Epoch: l.Epoch, Beat: l.Beat})
		if errors.Is(err, pgx.ErrNoRows) {
			continue // renewed, or another instance was faster
		}
		if err != nil {
			return fmt.Errorf("take shard %d over: %w", l.Shard, err)
		}
		v.leases = append(v.leases, lease{shard: taken.Shard, epoch: taken.Epoch, producerID: taken.ProducerID})
	}
	return nil
}

// leave takes the instance out of the others' reckoning.
func (k *keeper) leave(ctx context.Context) error {
	q, err := k.link.queries(ctx)
	if err != nil {
		return err
	}
	return q.LeaveInstance(ctx, k.id)
}

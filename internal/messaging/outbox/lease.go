package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// maxEpoch is the highest producer epoch: Kafka stores it in an int16. A lease with a higher epoch needs a new producer
// id.
const maxEpoch = 1<<15 - 1

// lease is the right to publish the rows of a shard until the deadline of the leaseView.
type lease struct {
	tp         broker.TopicPartition
	epoch      int64 // also the Kafka producer epoch, so the broker refuses earlier holders of the lease
	producerID int64 // -1 if this database has never published the shard
}

// needsProducer reports whether the shard needs a new producer id before it can send.
func (l lease) needsProducer() bool { return l.producerID < 0 || l.epoch > maxEpoch }

// wrapped reports whether the shard has used up the epochs of its producer id, so that the id fences no earlier holder.
func (l lease) wrapped() bool { return l.producerID >= 0 && l.epoch > maxEpoch }

// leaseView is the result of a lease keeper's pass: all leases that this instance holds.
type leaseView struct {
	deadline time.Time
	leases   []lease
	rests    map[broker.TopicPartition]time.Time // when the rests of these leases end; a lease that does not rest is not in it
	giveUp   []broker.TopicPartition             // shards above the fair share of this instance
	paused   pauses
	cutOff   bool // Kafka answers other instances, but not this one
	shared   bool // other instances are alive
}

// leaseOrderKind is the change that a leaseOrder asks for.
type leaseOrderKind int

const (
	releaseLease    leaseOrderKind = iota // give the lease back
	raiseEpoch                            // keep the lease, with the next epoch
	storeProducerID                       // store a producer id
)

// leaseOrder asks the lease keeper to change a lease, if this instance still holds it with the given epoch.
type leaseOrder struct {
	kind       leaseOrderKind
	tp         broker.TopicPartition
	epoch      int64
	producerID int64
}

// leaseKeeper holds the leases of one instance. Only the lease keeper writes lease rows, and one pass runs at a time,
// so its views show every change in order.
type leaseKeeper struct {
	db       *dbConn
	id       uuid.UUID
	name     string
	cfg      Config
	liveness *livenessTracker
	judge    linkJudge
	rests    shardRests
	misfit   bool // the table had another number of shards in the last pass
}

// passOrder is what the coordinator tells the lease keeper for a pass.
type passOrder struct {
	orders      []leaseOrder
	leaving     bool
	kafka       kafkaAnswers
	standstills []Standstill
}

func newLeaseKeeper(link *dbConn, id uuid.UUID, cfg Config) *leaseKeeper {
	return &leaseKeeper{db: link, id: id, name: cfg.Name, cfg: cfg, liveness: newLivenessTracker(cfg.LeaseTimeout),
		judge: linkJudge{giveUpAfter: cfg.GiveUpAfter, leaseTimeout: cfg.LeaseTimeout},
		rests: shardRests{full: cfg.WrapRest, ends: map[broker.TopicPartition]time.Time{}}}
}

// pass executes the orders, renews the leases of this instance and, unless the instance is leaving, works towards its
// fair share. After an error the leases are as before: they belong to this instance until the deadline of the last
// view.
func (k *leaseKeeper) pass(ctx context.Context, in passOrder) (leaseView, error) {
	q, err := k.db.queries(ctx)
	if err != nil {
		return leaseView{}, err
	}
	for _, o := range in.orders {
		if err := k.execute(ctx, q, o); err != nil {
			return leaseView{}, fmt.Errorf("change the lease of %s: %w", o.tp, err)
		}
	}
	if k.misfit && !in.leaving {
		// Do not renew leases that this program cannot serve, so that a program that fits can take them.
		if _, err := k.listLeases(ctx, q); err != nil {
			return leaseView{}, err
		}
	}
	if err := k.beat(ctx, q, in); err != nil {
		return leaseView{}, fmt.Errorf("register the instance: %w", err)
	}
	// The deadline counts from before the renewal is sent. A thief counts from after it has read the renewed lease
	// (H13 slow renewal).
	v := leaseView{deadline: time.Now().Add(k.cfg.LeaseTimeout)}
	renewed, err := q.RenewLeases(ctx, k.id)
	if err != nil {
		return leaseView{}, fmt.Errorf("renew leases: %w", err)
	}
	for _, l := range renewed {
		k.add(&v, lease{tp: shardOf(l.Topic, l.Shard), epoch: l.Epoch, producerID: l.ProducerID}, l.RestMs)
	}
	if !in.leaving {
		if err := k.balance(ctx, q, in.kafka, &v); err != nil {
			return leaseView{}, err
		}
	}
	if v.paused, err = k.listPauses(ctx, q); err != nil {
		return leaseView{}, err
	}
	k.rests.keep(v.leases)
	v.rests = maps.Clone(k.rests.ends)
	return v, k.storeRests(ctx, q, v.leases)
}

// add adds a lease that this instance holds. restLeft is how many milliseconds of its rest are left, if it rests.
func (k *leaseKeeper) add(v *leaseView, l lease, restLeft *int64) {
	v.leases = append(v.leases, l)
	k.rests.observe(l, restLeft, time.Now())
}

// beat shows that the instance is alive, and what it says about itself.
func (k *leaseKeeper) beat(ctx context.Context, q *messagingdb.Queries, in passOrder) error {
	standstills, err := json.Marshal(append([]Standstill{}, in.standstills...))
	if err != nil {
		return err
	}
	return q.BeatInstance(ctx, messagingdb.BeatInstanceParams{ID: k.id, Name: k.name, LeaseMs: k.cfg.LeaseTimeout.Milliseconds(), Answers: in.kafka.count,
		Kafka: string(k.judge.link(in.kafka, time.Now())), Standstills: standstills})
}

func (k *leaseKeeper) execute(ctx context.Context, q *messagingdb.Queries, o leaseOrder) error {
	topic, shard := o.tp.Topic, int16(o.tp.Partition)
	switch o.kind {
	case releaseLease:
		return q.ReleaseLease(ctx, messagingdb.ReleaseLeaseParams{Topic: topic, Shard: shard, Owner: k.id, Epoch: o.epoch})
	case raiseEpoch:
		return q.RaiseEpoch(ctx, messagingdb.RaiseEpochParams{Topic: topic, Shard: shard, Owner: k.id, Epoch: o.epoch})
	default:
		return q.SetProducer(ctx, messagingdb.SetProducerParams{
			Topic: topic, Shard: shard, Owner: k.id, Epoch: o.epoch, ProducerID: o.producerID,
		})
	}
}

// balance takes leases over, removes dead instances and lists the shards to give up, according to the fair share.
func (k *leaseKeeper) balance(ctx context.Context, q *messagingdb.Queries, kafka kafkaAnswers, v *leaseView) error {
	instances, err := q.ListInstances(ctx)
	if err != nil {
		return fmt.Errorf("list instances: %w", err)
	}
	leases, err := k.listLeases(ctx, q)
	if err != nil {
		return err
	}
	now := time.Now()
	k.judge.judge(kafka, k.liveness.othersLink(k.id, instances, now), now)
	k.liveness.observe(instances, leases, now)
	v.cutOff = k.judge.cutOff
	plan := k.liveness.plan(k.id, v.cutOff, instances, leases, now)
	v.giveUp, v.shared = plan.giveUp, len(instances)-len(plan.dead) > 1
	for _, i := range plan.dead {
		if err := q.RemoveInstance(ctx, i.ID, i.Beat); err != nil {
			return fmt.Errorf("remove instance %s: %w", i.Name, err)
		}
	}
	for _, l := range plan.take {
		taken, err := q.TakeLease(ctx, messagingdb.TakeLeaseParams{Topic: l.Topic, Shard: l.Shard, Owner: k.id, Epoch: l.Epoch, Beat: l.Beat})
		if errors.Is(err, pgx.ErrNoRows) {
			continue // its holder renewed it, or another instance took it first
		}
		if err != nil {
			return fmt.Errorf("take over %s: %w", shardOf(l.Topic, l.Shard), err)
		}
		k.add(v, lease{tp: shardOf(taken.Topic, taken.Shard), epoch: taken.Epoch, producerID: taken.ProducerID}, taken.RestMs)
	}
	return nil
}

// listLeases returns the leases of all shards. It adds those that are missing. It fails if the topics have more or fewer
// partitions than event.Partitions.
func (k *leaseKeeper) listLeases(ctx context.Context, q *messagingdb.Queries) ([]messagingdb.ListLeasesRow, error) {
	leases, err := q.ListLeases(ctx, k.cfg.Topics)
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	partitions := len(leases) / len(k.cfg.Topics)
	if k.misfit = partitions != event.Partitions; k.misfit {
		return nil, fmt.Errorf("the table outbox_shard has %d partitions, but this program publishes to %d: "+
			"the migrations do not fit this version of the program", partitions, event.Partitions)
	}
	if !slices.ContainsFunc(leases, func(l messagingdb.ListLeasesRow) bool { return !l.Known }) {
		return leases, nil
	}
	if err := q.AddLeases(ctx, k.cfg.Topics); err != nil {
		return nil, fmt.Errorf("add the leases of the topics: %w", err)
	}
	if leases, err = q.ListLeases(ctx, k.cfg.Topics); err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	return leases, nil
}

func shardOf(topic string, partition int16) broker.TopicPartition {
	return broker.TopicPartition{Topic: topic, Partition: int(partition)}
}

// leave removes the instance from the table, so that the others divide the shards among themselves.
func (k *leaseKeeper) leave(ctx context.Context) error {
	q, err := k.db.queries(ctx)
	if err != nil {
		return err
	}
	return q.LeaveInstance(ctx, k.id)
}

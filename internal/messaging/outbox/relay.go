package outbox

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Broker is what the relay needs of Kafka: *broker.Client.
type Broker interface {
	Partitions(ctx context.Context, topic string) (int, error)
	EndOffset(ctx context.Context, tp broker.TopicPartition) (int64, error)
	NewProducerID(ctx context.Context) (int64, error)
	Leader(ctx context.Context, tp broker.TopicPartition) (broker.NodeID, error)
	Produce(ctx context.Context, batches []*broker.Batch) []broker.Result
}

// Relay publishes what is pending in the outbox. Any number of them, in any number of processes, share the shards of one
// database.
type Relay struct {
	pool    *pgxpool.Pool
	broker  Broker
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{}
	state   atomic.Pointer[State]
}

// NewRelay makes a relay; the configuration is valid.
func NewRelay(pool *pgxpool.Pool, broker Broker, cfg Config, log *slog.Logger) *Relay {
	r := &Relay{pool: pool, broker: broker, cfg: cfg.withDefaults(), log: log, metrics: newMetrics(cfg.MetricsNamespace), wake: make(chan struct{}, 1)}
	r.state.Store(&State{})
	return r
}

// Wake says that something was committed. It never blocks, and a wake that is lost costs time, not an event: the next
// sweep finds it.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx is done, then finishes what is under way and hands its shards back. It returns nil: what goes
// wrong is logged, shown in State, and tried again.
func (r *Relay) Run(ctx context.Context) error {
	io, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	c := newCoordinator(r, io, id)
	c.run(ctx, cancel)
	return nil
}

// coordinator owns everything that changes while a relay runs. All its methods run in one goroutine.
type coordinator struct {
	*Relay
	id       uuid.UUID
	io       context.Context // of work that is under way; a stop leaves it time to finish
	events   chan func()     // outcomes of work, to be taken up by the coordinator
	underWay int             // pieces of work whose outcome has not been taken up
	alarm    time.Time       // when to look again though nothing has happened
	stopping bool
	troubles map[string]*trouble
	checks   topicCheck

	lanes    []*lane // those whose lease is ours, by shard
	keeper   *keeper
	deadline time.Time // of the leases
	leasing  bool
	renewAt  time.Time
	orders   []order // for the keeper's next pass

	resolving bool
	busy      map[broker.NodeID]bool // brokers that a request is under way to
	claims    claims
	marks     marks
	gauging   bool
	gaugeAt   time.Time
}

func newCoordinator(r *Relay, io context.Context, id uuid.UUID) *coordinator {
	config := r.pool.Config().ConnConfig
	return &coordinator{
		Relay: r, io: io, id: id, events: make(chan func()), troubles: map[string]*trouble{},
		keeper: newKeeper(newLink(config), id, r.cfg), busy: map[broker.NodeID]bool{},
		claims: claims{link: newLink(config, PlannerSettings()), interval: r.cfg.SweepMin},
		marks:  marks{link: newLink(config, PlannerSettings(), markSettings())},
	}
}

// start does work beside the coordinator, which takes up its outcome.
func start[T any](c *coordinator, work func(ctx context.Context) T, outcome func(T)) {
	c.underWay++
	go func() {
		result := work(c.io)
		c.events <- func() {
			c.underWay--
			outcome(result)
		}
	}()
}

// run is the coordinator's loop: something happens, then every part looks what it can do now.
func (c *coordinator) run(ctx context.Context, cancel context.CancelFunc) {
	defer c.claims.link.close(ctx)
	defer c.marks.link.close(ctx)
	defer c.keeper.link.close(ctx)
	stop, cutOff, timer := ctx.Done(), c.io.Done(), time.NewTimer(0)
	defer timer.Stop()
	for !c.stopping || c.underWay > 0 || len(c.lanes) > 0 && c.io.Err() == nil {
		select {
		case outcome := <-c.events:
			outcome()
		case <-c.wake:
			c.claims.woken = true
		case <-timer.C:
		case <-cutOff:
			cutOff = nil
		case <-stop:
			stop = nil
			c.stop()
			defer time.AfterFunc(c.cfg.StopTimeout, cancel).Stop()
		}
		now := time.Now()
		c.look(now)
		timer.Reset(c.alarm.Sub(now))
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := c.keeper.leave(ctx); err != nil {
		c.log.Warn("the relay could not sign off; its shards are taken over after the lease time-out", "error", err)
	}
	c.state.Store(&State{Instance: c.cfg.Name})
}

// look starts whatever can be started. Producing comes first: that is what somebody waits for.
func (c *coordinator) look(now time.Time) {
	c.alarm = now.Add(time.Hour)
	if c.io.Err() != nil {
		return
	}
	c.produce(now)
	c.resolve(now)
	c.mark(now)
	c.claim(now)
	c.finishLanes(now)
	c.renew(now)
	c.checkTopics(now)
	c.openLanes(now)
	c.gauge(now)
	c.publishState()
}

// at makes the coordinator look again at that time.
func (c *coordinator) at(t time.Time) {
	if t.Before(c.alarm) {
		c.alarm = t
	}
}

// stop takes no new work on and gives every lane back once it has finished.
func (c *coordinator) stop() {
	c.stopping = true
	for _, l := range c.lanes {
		c.giveBack(l)
	}
}

// mayProduce says that a request sent now will have ended before our leases do.
func (c *coordinator) mayProduce(now time.Time) bool {
	return now.Before(c.deadline.Add(-c.cfg.ProduceTimeout))
}

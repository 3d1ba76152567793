package outbox

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Broker is the part of *broker.Client that the relay uses.
type Broker interface {
	Partitions(ctx context.Context, topic string) (int, error)
	ClusterID(ctx context.Context) (string, error)
	TopicID(ctx context.Context, topic string) (broker.TopicID, error)
	StartOffset(ctx context.Context, tp broker.TopicPartition) (int64, error)
	EndOffset(ctx context.Context, tp broker.TopicPartition) (int64, error)
	ReadRange(ctx context.Context, tp broker.TopicPartition, from, to int64, f func(broker.Fetched) error) error
	NewProducerID(ctx context.Context) (int64, error)
	Leader(ctx context.Context, tp broker.TopicPartition) (broker.NodeID, error)
	Produce(ctx context.Context, batches []*broker.Batch) []broker.Result
	ProduceLimit(node broker.NodeID) int
}

// Relay publishes the pending rows of an outbox. Any number of relays, in any number of processes, share the shards of
// one database.
type Relay struct {
	pool    *pgxpool.Pool
	broker  Broker
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{}
	state   atomic.Pointer[State]
}

// NewRelay returns a relay. Check the configuration with Config.Validate first.
func NewRelay(pool *pgxpool.Pool, broker Broker, cfg Config, log *slog.Logger) *Relay {
	r := &Relay{pool: pool, broker: broker, cfg: cfg.withDefaults(), log: log, metrics: newMetrics(cfg.MetricsNamespace), wake: make(chan struct{}, 1)}
	r.state.Store(&State{})
	return r
}

// Wake tells the relay that an event was committed. It never blocks. If a wake is lost, the event is published later,
// by the next sweep.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx is done. Then it finishes running work and releases its shards. Failures are logged, shown in
// State and tried again; they do not end Run.
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

// coordinator owns all state of a running relay. All its methods run in one goroutine, so nothing needs a lock. A lane goes
// through these stages; the fields are in the same order:
//
//	leases ---> topics ---> comparison ---> producer id ---> claims ---> leaders ---> requests ---> marks
//	lanes.go    topics.go   lanecheck.go    enlist.go        claim.go    produce.go   produce.go    mark.go
type coordinator struct {
	*Relay
	id    uuid.UUID
	lanes []*lane // one for each lease that this instance holds, by topic and partition

	// the loop
	io          context.Context // of running work; it ends later than Run's context, so that work can finish
	outcomes    chan func()     // of work that has ended; the coordinator calls them
	workRunning int             // pieces of work whose outcome has not been called
	nextTick    time.Time       // when to call startDueWork next, even if nothing happens
	stopping    bool

	// leases
	keeper           *leaseKeeper
	deadline         time.Time // of the leases
	leasePassRunning bool
	renewAt          time.Time
	orders           []leaseOrder // for the next pass of the lease keeper
	misfit           bool         // the migrations do not fit, as the last pass has found
	kafka            kafkaAnswers
	paused           pauses
	cutOff           bool // Kafka answers other instances, but not this one

	topics           topicChecks
	checkers         map[string]*logChecker // by topic
	checkAnswers     int64                  // the checkers' answers that are counted
	idRequestRunning bool
	claims           claimState
	spawn            func(f func(ctx context.Context)) context.CancelFunc // runs f until it is called off, at the latest with io
	spawned          sync.WaitGroup
	stopListening    context.CancelFunc // nil while no commits of other instances are listened to

	// leaders and requests
	leaderLookupRunning bool
	busyBrokers         map[broker.NodeID]bool // brokers that have a request in flight

	marks markState

	// what people see
	troubles      map[string]*trouble
	statusRunning bool
	nextStatusAt  time.Time
	shared        []Standstill // of the whole outbox, as the last status has shown
	sharedBefore  []Standstill // all that the last status has shown
}

func newCoordinator(r *Relay, io context.Context, id uuid.UUID) *coordinator {
	config := r.pool.Config().ConnConfig
	c := &coordinator{
		Relay: r, io: io, id: id, outcomes: make(chan func()), troubles: map[string]*trouble{},
		keeper: newLeaseKeeper(newDBConn(config, markSettings()), id, r.cfg), busyBrokers: map[broker.NodeID]bool{},
		topics: topicChecks{of: map[string]topicCheck{}}, checkers: map[string]*logChecker{},
		claims: claimState{db: newDBConn(config, PlannerSettings(), markSettings()), schedule: newClaimSchedule(r.cfg)},
		marks:  markState{db: newDBConn(config, pgtx.PlannerSettings(), markSettings())},
	}
	c.spawn = func(f func(ctx context.Context)) context.CancelFunc {
		ctx, cancel := context.WithCancel(io)
		c.spawned.Go(func() { f(ctx) })
		return cancel
	}
	for _, topic := range r.cfg.Topics {
		c.checkers[topic] = &logChecker{db: newDBConn(config, pgtx.PlannerSettings(), markSettings()), broker: r.broker, owner: id, log: r.log}
	}
	return c
}

// runInBackground runs work in a goroutine of its own, then calls outcome with the result in the coordinator's
// goroutine.
func runInBackground[T any](c *coordinator, work func(ctx context.Context) T, outcome func(T)) {
	c.workRunning++
	go func() {
		result := work(c.io)
		c.outcomes <- func() {
			c.workRunning--
			outcome(result)
		}
	}()
}

// run is the coordinator's loop: it waits until something happens, and then starts all work that is due.
func (c *coordinator) run(ctx context.Context, cancel context.CancelFunc) {
	stop, cutOff, timer := ctx.Done(), c.io.Done(), time.NewTimer(0)
	defer timer.Stop()
	defer c.spawned.Wait()
	for !c.stopping || c.workRunning > 0 || len(c.lanes) > 0 && c.io.Err() == nil {
		select {
		case outcome := <-c.outcomes:
			outcome()
		case <-c.wake:
			c.claims.schedule.wake()
		case <-timer.C:
		case <-cutOff:
			cutOff = nil
		case <-stop:
			stop = nil
			c.stop()
			defer time.AfterFunc(c.cfg.StopTimeout-leaveTime(c.cfg), cancel).Stop()
		}
		now := time.Now()
		c.startDueWork(now)
		timer.Reset(c.nextTick.Sub(now))
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), leaveTime(c.cfg))
	defer cancel()
	defer c.closeConnections(ctx)
	if err := c.keeper.leave(ctx); err != nil {
		c.log.Warn("the relay could not leave the table of instances; others take over its shards after the lease time-out", "error", err)
	}
	c.state.Store(&State{Instance: c.cfg.Name})
}

// leaveTime is the part of the stop in which the relay leaves the table of instances and closes its connections.
func leaveTime(cfg Config) time.Duration { return cfg.StopTimeout / 4 }

func (c *coordinator) closeConnections(ctx context.Context) {
	c.claims.db.close(ctx)
	c.marks.db.close(ctx)
	c.keeper.db.close(ctx)
	for _, k := range c.checkers {
		k.db.close(ctx)
	}
}

// startDueWork starts all work that is due. Producing comes first, because latency matters most there.
func (c *coordinator) startDueWork(now time.Time) {
	c.nextTick = now.Add(time.Hour)
	if c.io.Err() != nil {
		return
	}
	c.countAnswers(now)
	c.noteStanding(now)
	c.produce(now)
	c.lookUpLeaders(now)
	c.mark(now)
	c.claim(now)
	c.finishLanes(now)
	c.renewLeases(now)
	c.checkTopics(now)
	c.checkLogs(now)
	c.openLanes(now)
	c.readStatus(now)
	c.publishState(now)
}

// tickAt makes the coordinator call startDueWork at that time, if nothing happens earlier.
func (c *coordinator) tickAt(t time.Time) {
	if t.Before(c.nextTick) {
		c.nextTick = t
	}
}

// stop begins the stop: it releases each lease when the running work of its lane has ended.
func (c *coordinator) stop() {
	c.stopping = true
	c.listen(false)
	for _, l := range c.lanes {
		c.giveBack(l)
	}
}

// mayProduce reports whether a request that is sent now ends before the leases do.
func (c *coordinator) mayProduce(now time.Time) bool {
	return now.Before(c.deadline.Add(-c.cfg.ProduceTimeout))
}

package consumer

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Handler applies events of one topic in tx. The events of each partition are in offset order. T is the service's own
// transaction type.
type Handler[T any] func(ctx context.Context, tx T, events []Event) error

// VersionOf returns the version of the copy with that key, or 0 if there is none.
type VersionOf[T any] func(ctx context.Context, tx T, key string) (int64, error)

// DeadLetteredFunc learns that an event of its topic is now an open dead letter. As much of the event is set as could be read;
// the headers are always set.
type DeadLetteredFunc[T any] func(ctx context.Context, tx T, e Event, reason string) error

// DiscardedFunc learns that an operator has closed a dead letter of its topic for good. The event is set as for DeadLetteredFunc.
type DiscardedFunc[T any] func(ctx context.Context, tx T, e Event, by, note string) error

// Config sets what a service consumes, and how. Each comment ends with the default of the zero value.
type Config[T any] struct {
	Group  string                // the Kafka consumer group; each service has its own
	Topics map[string]Handler[T] // the handler of each topic's events
	Bind   func(pgx.Tx) T        // wraps PostgreSQL's transaction in the service's own type

	// Versions reads the version of a copy, by topic. With it, dead letters that are not newer than the copy are closed,
	// and Replay can report that it changed nothing. Without it, an event that its handler ignored counts as applied.
	Versions map[string]VersionOf[T]
	// Queues has the topics whose messages do not describe an aggregate, such as requests; none. A later message of a key
	// does not supersede an earlier dead letter, and Versions is not asked. A record without a value has no effect: the
	// handler does not get it.
	Queues map[string]bool
	// DeadLettered has functions by topic; none. They are called in the transaction that stores the dead letter, in a
	// savepoint of their own. If a function fails with an error that would make an event poison, its effects are rolled
	// back and the dead letter is stored nevertheless. It is called again for the same message if an operator has set the
	// position back, but not if a replay fails again.
	DeadLettered map[string]DeadLetteredFunc[T]
	// DeadLettersInARow is how many events in a row, of different keys, a partition may make dead letters. Then it is paused
	// until an operator resumes it; 20. A negative number is without limit.
	DeadLettersInARow int
	// Discarded has functions by topic; none. They are called in the transaction that closes the dead letter. If one fails,
	// the dead letter stays open.
	Discarded map[string]DiscardedFunc[T]
	// Committed is called after each commit, with the transaction that the handlers used, and with the transaction of each
	// function of DeadLettered or Discarded. A service wakes its relay here if an event was appended. It must not block.
	Committed func(tx T)

	// Classify decides what a handler's error means; always Undecided. It is asked only about errors that the consumer does
	// not know: not about Poison, a panic, or an error of PostgreSQL. It may be called concurrently.
	Classify func(error) Verdict

	// MetricsNamespace comes before the names of all metrics, as in NAMESPACE_consumer_lag; none.
	MetricsNamespace string

	Name string // of this process, for people; host name and process id
	// Beat is the time between two signs of life of this process in the table consumer_member, and between two looks for
	// positions and conflicts that a command has changed; 1 s.
	Beat time.Duration

	// Transactions is the highest number of concurrent transactions, over all partitions; 8. While the consumer catches up,
	// requests must still get connections of the pool.
	Transactions int
	// MaxShareWait is how long a small batch waits for the transaction in progress before it gets one of its own; 10 ms. A
	// longer transaction is held up by something that must not delay other partitions.
	MaxShareWait time.Duration
	// Timeout bounds one transaction; 1 min. Without it, a server that neither answers nor closes the connection would
	// block a partition forever.
	Timeout    time.Duration
	BackoffMin time.Duration      // pause before the second try of a batch; 50 ms
	BackoffMax time.Duration      // longest pause between tries; 3 s. Keep it below the group's RebalanceTimeout.
	Tuning     broker.GroupConfig // group time-outs and batch sizes; GroupID and Topics are filled in

	Tracer trace.Tracer     // starts one span for each batch; none
	Now    func() time.Time // time.Now
}

// Client is the part of broker.Client that a consumer needs.
type Client interface {
	Consume(ctx context.Context, cfg broker.GroupConfig, h broker.PartitionHandler) error
	GroupState(group string) (broker.GroupState, bool)
	Reseek(group string, tp broker.TopicPartition)
}

// Consumer applies the events of one service's topics. It implements broker.PartitionHandler and prometheus.Collector.
type Consumer[T any] struct {
	pool    *pgxpool.Pool
	cfg     Config[T]
	log     *slog.Logger
	metrics *metrics

	transactionSlots chan struct{} // holds a token for each transaction in progress
	sharing          chan struct{} // holds a token while small batches share a transaction

	mu           sync.Mutex
	partitions   map[broker.TopicPartition]*partition
	applied      map[string]int64 // by topic: committed batches that had events to apply
	waitingJobs  []*job           // small batches that wait for the next shared transaction
	client       Client           // of Run
	stopping     <-chan struct{}  // of Run; nil before Run, and then never closed
	unregistered error            // why Run does not join the group yet
	unrecorded   bool             // for the benchmark: what became of events is not stored
}

// New returns a consumer that keeps its positions and dead letters in pool's database.
func New[T any](pool *pgxpool.Pool, cfg Config[T], log *slog.Logger) *Consumer[T] {
	if cfg.Transactions <= 0 {
		cfg.Transactions = 8
	}
	if cfg.MaxShareWait <= 0 {
		cfg.MaxShareWait = 10 * time.Millisecond
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.BackoffMin <= 0 {
		cfg.BackoffMin = 50 * time.Millisecond
	}
	if cfg.BackoffMax <= 0 {
		cfg.BackoffMax = 3 * time.Second
	}
	if cfg.DeadLettersInARow == 0 {
		cfg.DeadLettersInARow = 20
	}
	if cfg.Beat <= 0 {
		cfg.Beat = time.Second
	}
	if cfg.Name == "" {
		cfg.Name = processName()
	}
	if cfg.Committed == nil {
		cfg.Committed = func(T) {}
	}
	if cfg.Classify == nil {
		cfg.Classify = func(error) Verdict { return Verdict{} }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Consumer[T]{
		pool: pool, cfg: cfg, log: log, metrics: newMetrics(cfg.MetricsNamespace),
		transactionSlots: make(chan struct{}, cfg.Transactions), sharing: make(chan struct{}, 1),
		partitions: make(map[broker.TopicPartition]*partition), applied: make(map[string]int64),
	}
}

// Topics returns the topics that it consumes, sorted.
func (c *Consumer[T]) Topics() []string { return slices.Sorted(maps.Keys(c.cfg.Topics)) }

// StopBound returns how long Run takes at most after the end of its context, if Config has this tuning.
func StopBound(tuning broker.GroupConfig) time.Duration {
	return tuning.StopBound() + 2*stopOfMember(tuning)
}

func stopOfMember(tuning broker.GroupConfig) time.Duration {
	if half := tuning.LeaveTimeout / 2; half > 0 && half < memberStop {
		return half
	}
	return memberStop
}

// Run consumes until ctx is done. It finishes the batches that are being applied before it returns.
func (c *Consumer[T]) Run(ctx context.Context, client Client) error {
	self := newMember(c.pool, c.log, c.cfg.Name, c.cfg.Beat)
	self.stop = stopOfMember(c.cfg.Tuning)
	cfg := c.cfg.Tuning
	cfg.GroupID, cfg.Topics = c.cfg.Group, c.Topics()
	cfg.Member, cfg.Known = self.id.String(), self.known
	c.mu.Lock()
	c.client, c.stopping = client, ctx.Done()
	c.mu.Unlock()
	if err := self.register(ctx, c.setUnregistered); err != nil {
		return nil // ctx is done
	}
	defer self.leave(ctx)
	var beats sync.WaitGroup
	defer beats.Wait()
	beating, stop := context.WithCancel(context.WithoutCancel(ctx)) // until the group was left
	defer stop()
	beats.Go(func() { self.run(beating) })
	beats.Go(func() { c.watch(beating, client) })
	return client.Consume(ctx, cfg, c)
}

// setUnregistered stores why this process is not registered, and logs the first failure.
func (c *Consumer[T]) setUnregistered(err error) {
	c.mu.Lock()
	was := c.unregistered
	c.unregistered = err
	c.mu.Unlock()
	if err != nil && was == nil {
		c.log.Warn("waiting to register this instance", "error", err)
	}
}

// partition is what this process knows about one partition. The consumer's mutex guards its fields.
type partition struct {
	position int64          // the next offset, as last committed or read; -1 while unknown
	topicID  broker.TopicID // of the log that the position belongs to; zero while unknown
	// mayHaveDeadLetters is false only if the partition certainly has no open dead letter. Then a batch need not look for
	// dead letters to supersede. Only the holder of the position opens dead letters, so what Position has read stays true
	// until this process opens one.
	mayHaveDeadLetters bool

	deadInARow keysInARow
	paused     bool // as Position has read it last

	conflicts int64 // open ones, for State
	// mayHaveConflicts is false only if the partition certainly has no open conflict. Then a batch need not look for conflicts
	// to end.
	mayHaveConflicts bool

	slow      slowEvent
	failures  int // in a row
	held      string
	heldSince time.Time
}

func (c *Consumer[T]) partition(tp broker.TopicPartition) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partitions[tp]
	if p == nil {
		p = &partition{position: -1, mayHaveDeadLetters: true, mayHaveConflicts: true, deadInARow: keysInARow{}}
		c.partitions[tp] = p
	}
	return p
}

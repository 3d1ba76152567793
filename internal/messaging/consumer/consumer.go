package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Handler applies events of one topic, those of each partition in offset order, in tx. T is the service's own transaction
// type.
type Handler[T any] func(ctx context.Context, tx T, events []Event) error

// VersionOf returns the version of the copy that key names, 0 where there is none.
type VersionOf[T any] func(ctx context.Context, tx T, key string) (int64, error)

// Config is what a service consumes and how. Zero values are the defaults named below.
type Config[T any] struct {
	Group  string                // the Kafka consumer group, one a service
	Topics map[string]Handler[T] // what is done with each topic's events
	Bind   func(pgx.Tx) T        // makes the service's transaction out of PostgreSQL's

	// Versions, per topic, tell how far a copy has come: what it has passed closes older dead letters, at once or later,
	// and Replay can say that it changed nothing. Without them an event counts as applied that its handler passed over.
	Versions map[string]VersionOf[T]
	// Committed is called after each commit, with the transaction that a handler has worked in: it wakes the relay where
	// there is something to publish. It must not block.
	Committed func(tx T)

	// Classify decides what a handler's error means. It is asked about errors that the consumer does not know: not about
	// Poison, a panic, or an error of PostgreSQL. By default it is always Undecided.
	Classify func(error) Verdict

	// MetricsNamespace comes before the names of all metrics, as in NAMESPACE_consumer_lag; none by default.
	MetricsNamespace string

	// Transactions is how many are under way at a time, over all partitions; 8. Catching up must leave connections of the
	// pool to requests.
	Transactions int
	// Patience is how long a small batch waits for the transaction under way, to share the next with others; 10 ms. What
	// takes longer is held up by something that is no concern of other partitions.
	Patience time.Duration
	// Timeout bounds one transaction, so that a server that neither answers nor hangs up holds nobody for ever; 1 min.
	Timeout    time.Duration
	BackoffMin time.Duration      // before the second try of a batch; 50 ms
	BackoffMax time.Duration      // 3 s: below the broker's rebalance time-out, which a waiting partition must not miss
	Tuning     broker.GroupConfig // group time-outs and batch sizes; GroupID and Topics are filled in

	Tracer trace.Tracer     // of a span a batch; none by default
	Now    func() time.Time // time.Now
}

// Client is what a consumer needs of a broker's client.
type Client interface {
	Consume(ctx context.Context, cfg broker.GroupConfig, h broker.PartitionHandler) error
	GroupState(group string) (broker.GroupState, bool)
}

// Consumer applies the events of one service's topics. It implements broker.PartitionHandler and prometheus.Collector.
type Consumer[T any] struct {
	pool    *pgxpool.Pool
	cfg     Config[T]
	log     *slog.Logger
	metrics *metrics

	slots    chan struct{} // one for each transaction under way
	together chan struct{} // one for the transaction that small batches share

	mu         sync.Mutex
	partitions map[broker.TopicPartition]*partition
	waiting    []*job          // small batches, for the next transaction that they share
	client     Client          // of Run
	stopping   <-chan struct{} // of Run; nil never ends
}

// New returns a consumer that keeps positions and dead letters in pool's database.
func New[T any](pool *pgxpool.Pool, cfg Config[T], log *slog.Logger) *Consumer[T] {
	if cfg.Transactions <= 0 {
		cfg.Transactions = 8
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 10 * time.Millisecond
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
		slots: make(chan struct{}, cfg.Transactions), together: make(chan struct{}, 1),
		partitions: make(map[broker.TopicPartition]*partition),
	}
}

// Run consumes until ctx is done; a batch in hand is finished first.
func (c *Consumer[T]) Run(ctx context.Context, client Client) error {
	cfg := c.cfg.Tuning
	cfg.GroupID, cfg.Topics = c.cfg.Group, slices.Sorted(maps.Keys(c.cfg.Topics))
	c.mu.Lock()
	c.client, c.stopping = client, ctx.Done()
	c.mu.Unlock()
	return client.Consume(ctx, cfg, c)
}

// Position implements broker.PartitionHandler. A partition that was never read begins where its log does.
func (c *Consumer[T]) Position(ctx context.Context, tp broker.TopicPartition, logStart int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	q, part := messagingdb.New(c.pool), int32(tp.Partition)
	if err := q.SeedPosition(ctx, tp.Topic, part, logStart); err != nil {
		return 0, fmt.Errorf("seed the position of %s: %w", tp, err)
	}
	next, err := q.GetPosition(ctx, tp.Topic, part)
	if err != nil {
		return 0, fmt.Errorf("read the position of %s: %w", tp, err)
	}
	open, err := q.HasOpenDeadLetters(ctx, tp.Topic, part)
	if err != nil {
		return 0, fmt.Errorf("look for dead letters of %s: %w", tp, err)
	}
	p := c.partition(tp)
	c.mu.Lock()
	p.position, p.letters = next, open
	p.failures, p.held = 0, "" // of a former assignment, or of a batch whose answer was lost
	c.mu.Unlock()
	return next, nil
}

// partition is what this process knows of one partition. Its fields are guarded by the consumer's mutex.
type partition struct {
	position int64 // as last committed or read; -1 while unknown
	// letters is false only while the partition certainly has no open dead letter: then a batch need not look for
	// some to supersede. Only the holder of the position opens any, so the answer of Position stays true until this
	// process opens one itself.
	letters bool

	failures  int // in a row
	held      string
	heldSince time.Time
}

func (c *Consumer[T]) partition(tp broker.TopicPartition) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partitions[tp]
	if p == nil {
		p = &partition{position: -1, letters: true}
		c.partitions[tp] = p
	}
	return p
}

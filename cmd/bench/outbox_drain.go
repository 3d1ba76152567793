package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

const (
	drainEvents = 200_000
	drainMany   = 1_000_000
)

// relayDrain measures the relay on a backlog. The bound is the minimum that could publish it: one streamed SELECT, produce
// requests and deletes, overlapped, without leases, predecessors, or handling of failures.
func relayDrain(ctx context.Context, e *env) ([]row, error) {
	pool, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	client, err := e.kafka(ctx)
	if err != nil {
		return nil, err
	}
	var drained, bound []float64
	for round := range e.rounds {
		turn := []func(context.Context, *pgxpool.Pool, *broker.Client, string) error{drainBare, drainByRelay}
		into := []*[]float64{&bound, &drained}
		if round%2 == 1 {
			slices.Reverse(turn)
			slices.Reverse(into)
		}
		for i, drain := range turn {
			topic, err := newTopic(ctx, client)
			if err != nil {
				return nil, err
			}
			e.say.step(fmt.Sprintf("drain, pair %d", round+1))
			if err := fillOutbox(ctx, pool, topic, drainEvents, true); err != nil {
				return nil, err
			}
			started := time.Now()
			if err := drain(ctx, pool, client, topic); err != nil {
				return nil, err
			}
			*into[i] = append(*into[i], drainEvents/time.Since(started).Seconds())
		}
	}
	d, b := median(drained), median(bound)
	return []row{{
		name: "relay drain beside bare overlapped", value: d, unit: "events/s", bound: b, ratio: d / b,
		note: "aims on Kafka: 30,000 and 0.6",
	}}, nil
}

// drainByRelay runs a relay until nothing is pending.
func drainByRelay(ctx context.Context, pool *pgxpool.Pool, client *broker.Client, topic string) error {
	return runRelay(ctx, pool, client, topic, drainEvents)
}

// counting closes done when a number of records has been acknowledged.
type counting struct {
	outbox.Broker
	left atomic.Int64
	done chan struct{}
}

func (c *counting) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	results := c.Broker.Produce(ctx, batches)
	n := int64(0)
	for i, r := range results {
		if r.Err == nil {
			n += int64(batches[i].Count)
		}
	}
	if left := c.left.Add(-n); left <= 0 && left+n > 0 {
		close(c.done)
	}
	return results
}

func runRelay(ctx context.Context, pool *pgxpool.Pool, kafka outbox.Broker, topic string, n int) error {
	c := &counting{Broker: kafka, done: make(chan struct{})}
	c.left.Store(int64(n))
	relay := outbox.NewRelay(pool, c, outbox.Config{Topics: []string{topic}}, slog.New(slog.DiscardHandler))
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(running) }()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	stop() // the relay marks what is acknowledged before it ends
	if err := <-ended; err != nil {
		return err
	}
	var pending int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM outbox_pending`).Scan(&pending); err != nil {
		return err
	}
	if pending > 0 {
		return fmt.Errorf("%d events are still pending after the drain", pending)
	}
	return nil
}

type chunk struct {
	shards  []int16
	seqs    []int64
	records [event.Partitions][]broker.Record
}

const chunkRows = 6000

// drainBare publishes the backlog as the bound of relayDrain.
func drainBare(ctx context.Context, pool *pgxpool.Pool, client *broker.Client, topic string) error {
	read, written := make(chan *chunk, 1), make(chan *chunk, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(read); return readAll(ctx, pool, read) })
	g.Go(func() error { defer close(written); return writeAll(ctx, client, topic, read, written) })
	g.Go(func() error {
		for c := range written {
			if _, err := pool.Exec(ctx, `DELETE FROM outbox_pending p USING unnest($1::smallint[], $2::bigint[]) AS s(shard, seq)
				WHERE p.shard = s.shard AND p.topic = $3 AND p.seq = s.seq`, c.shards, c.seqs, topic); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func readAll(ctx context.Context, pool *pgxpool.Pool, read chan<- *chunk) error {
	rows, err := pool.Query(ctx, `SELECT p.shard, p.seq, e.key, e.payload, e.created_at
		FROM outbox_pending p JOIN outbox_event e USING (seq) ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	c := new(chunk)
	send := func() error {
		select {
		case read <- c:
			c = new(chunk)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for rows.Next() {
		var shard int16
		var seq int64
		var r broker.Record
		var key string
		if err := rows.Scan(&shard, &seq, &key, &r.Value, &r.Time); err != nil {
			return err
		}
		r.Key, r.Headers = []byte(key), []broker.Header{{Key: event.HeaderContentType, Value: []byte(event.ContentType)}}
		c.shards, c.seqs = append(c.shards, shard), append(c.seqs, seq)
		c.records[shard] = append(c.records[shard], r)
		if len(c.seqs) == chunkRows {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return send()
}

func writeAll(ctx context.Context, client *broker.Client, topic string, read <-chan *chunk, written chan<- *chunk) error {
	id, err := client.NewProducerID(ctx)
	if err != nil {
		return err
	}
	var sequences [event.Partitions]int32
	for c := range read {
		var batches []*broker.Batch
		for p, records := range c.records {
			if len(records) == 0 {
				continue
			}
			batch, err := broker.EncodeBatch(broker.TopicPartition{Topic: topic, Partition: p}, broker.ProducerSession{ID: id}, sequences[p], records)
			if err != nil {
				return err
			}
			sequences[p] = batch.NextSequence
			batches = append(batches, batch)
		}
		if err := produceAll(ctx, client, batches); err != nil {
			return err
		}
		select {
		case written <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// produceAll sends one request to each broker that leads a partition of the batches.
func produceAll(ctx context.Context, client *broker.Client, batches []*broker.Batch) error {
	led := map[broker.NodeID][]*broker.Batch{}
	for _, b := range batches {
		leader, err := client.Leader(ctx, b.TP)
		if err != nil {
			return err
		}
		led[leader] = append(led[leader], b)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, batches := range led {
		g.Go(func() error {
			for _, r := range client.Produce(ctx, batches) {
				if r.Err != nil {
					return r.Err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// sink is a broker that accepts everything and stores nothing, so that only the relay uses memory.
type sink struct {
	ids  atomic.Int64
	mu   sync.Mutex
	ends map[broker.TopicPartition]int64
}

func (s *sink) Partitions(context.Context, string) (int, error) { return event.Partitions, nil }
func (s *sink) ClusterID(context.Context) (string, error)       { return "bench", nil }
func (s *sink) TopicID(context.Context, string) (broker.TopicID, error) {
	return broker.TopicID{1}, nil
}
func (s *sink) StartOffset(context.Context, broker.TopicPartition) (int64, error)    { return 0, nil }
func (s *sink) NewProducerID(context.Context) (int64, error)                         { return s.ids.Add(1), nil }
func (s *sink) Leader(context.Context, broker.TopicPartition) (broker.NodeID, error) { return 1, nil }
func (s *sink) ProduceLimit(broker.NodeID) int                                       { return 16 << 20 }

func (s *sink) EndOffset(_ context.Context, tp broker.TopicPartition) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends[tp], nil
}

func (s *sink) ReadRange(context.Context, broker.TopicPartition, int64, int64, func(broker.Fetched) error) error {
	return errors.New("the bench reads no log")
}

func (s *sink) Produce(_ context.Context, batches []*broker.Batch) []broker.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[broker.TopicPartition]int64{}
	}
	results := make([]broker.Result, len(batches))
	for i, b := range batches {
		results[i].Offset = s.ends[b.TP]
		s.ends[b.TP] += int64(b.Count)
	}
	return results
}

// drainMemory measures the highest heap while a small and a large backlog drain. Both have to be the same.
func drainMemory(ctx context.Context, e *env) (rows []row, err error) {
	pool, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	kafka := new(sink)
	for _, n := range []int{drainEvents, drainMany} {
		e.say.step(fmt.Sprintf("memory: filling the outbox with %d", n))
		if err := fillOutbox(ctx, pool, "bench-memory", n, true); err != nil {
			return nil, err
		}
		e.say.step(fmt.Sprintf("memory: draining %d", n))
		runtime.GC()
		watching, stop := context.WithCancel(ctx)
		samples := make(chan []float64, 1)
		go func() { samples <- watchHeap(watching) }()
		err := runRelay(ctx, pool, kafka, "bench-memory", n)
		stop()
		seen := <-samples
		if err != nil {
			return nil, err
		}
		tenth := len(seen) / 10
		rows = append(rows, row{
			name: fmt.Sprintf("highest heap while %d pending drain", n), value: slices.Max(seen), unit: "MiB",
			note: fmt.Sprintf("at the start %s; highest in the first tenth %s, in the last %s", number(seen[0]),
				number(slices.Max(seen[:tenth+1])), number(slices.Max(seen[len(seen)-tenth-1:]))),
		})
	}
	return rows, nil
}

// watchHeap samples the heap in use every few milliseconds until ctx is done. It returns the samples in MiB.
func watchHeap(ctx context.Context) (samples []float64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		samples = append(samples, float64(m.HeapInuse)/(1<<20))
		select {
		case <-ctx.Done():
			return samples
		case <-tick.C:
		}
	}
}

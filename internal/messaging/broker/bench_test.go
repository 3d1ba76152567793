package broker_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// discard is a handler that only counts records.
type discard struct {
	mu    sync.Mutex
	want  int
	done  chan struct{}
	times []time.Duration
}

func (d *discard) Position(_ context.Context, _ broker.TopicPartition, log broker.LogStart) (broker.Position, error) {
	return log.Position(), nil
}

func (d *discard) Handle(_ context.Context, _ broker.TopicPartition, _ int64, _ broker.Position, records []broker.Fetched) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for i := range records {
		d.times = append(d.times, now.Sub(records[i].Time))
	}
	before := d.want
	if d.want -= len(records); d.want <= 0 && before > 0 {
		close(d.done)
	}
	return nil
}

// produce writes n records of 600 bytes to all partitions, each time with one request for all, and returns the rate.
func produce(b *testing.B, c *broker.Client, topic string, n int) {
	b.Helper()
	id, err := c.NewProducerID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 600)
	var sequences [event.Partitions]int32
	for sent := 0; sent < n; {
		var batches []*broker.Batch
		for p := range event.Partitions {
			records := make([]broker.Record, 100)
			for i := range records {
				records[i] = broker.Record{Key: fmt.Appendf(nil, "key %d", i), Value: value, Time: time.Now()}
			}
			batch, err := broker.EncodeBatch(broker.TopicPartition{Topic: topic, Partition: p}, broker.ProducerSession{ID: id}, sequences[p], records)
			if err != nil {
				b.Fatal(err)
			}
			batches = append(batches, batch)
			sequences[p] = batch.NextSequence
			sent += len(records)
		}
		for _, r := range c.Produce(b.Context(), batches) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
}

// Throughput and latency of producing and consuming, without a database and without the proxy. Both figures include the
// broker's own cost.
func BenchmarkProduceAndConsume(b *testing.B) {
	const n = 120_000
	kafka := kafkatest.New(b)
	topic := kafka.CreateTopic(b, "bench", event.Partitions)
	c := kafka.Direct()
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		produce(b, c, topic, n)
		b.ReportMetric(n/time.Since(began).Seconds(), "produced/s")
		d := &discard{want: n * (i + 1), done: make(chan struct{})}
		ctx, cancel := context.WithCancel(b.Context())
		began = time.Now()
		ended := make(chan error)
		go func() {
			ended <- c.Consume(ctx, broker.GroupConfig{GroupID: kafka.Topic(fmt.Sprint("bench", i)), Topics: []string{topic}}, d)
		}()
		<-d.done
		b.ReportMetric(float64(n*(i+1))/time.Since(began).Seconds(), "consumed/s")
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLatencyAt500(b *testing.B) {
	kafka := kafkatest.New(b)
	topic := kafka.CreateTopic(b, "bench", event.Partitions)
	c := kafka.Direct()
	d := &discard{want: 1, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() {
		ended <- c.Consume(ctx, broker.GroupConfig{GroupID: kafka.Topic("bench"), Topics: []string{topic}}, d)
	}()
	id, err := c.NewProducerID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var sequences [event.Partitions]int32
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for i := 0; b.Loop(); i++ {
		p := i % event.Partitions
		batch, err := broker.EncodeBatch(broker.TopicPartition{Topic: topic, Partition: p}, broker.ProducerSession{ID: id}, sequences[p],
			[]broker.Record{{Key: []byte("k"), Value: make([]byte, 600), Time: time.Now().Add(500 * time.Microsecond)}})
		if err != nil {
			b.Fatal(err)
		}
		sequences[p] = batch.NextSequence
		if r := c.Produce(b.Context(), []*broker.Batch{batch})[0]; r.Err != nil {
			b.Fatal(r.Err)
		}
		if i == 0 { // the group has formed
			<-d.done
		}
		<-tick.C
	}
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.times)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(d.times[len(d.times)*q/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", q))
	}
}

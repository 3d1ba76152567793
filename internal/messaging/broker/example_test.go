package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// printer is a PartitionHandler that prints each record. A real one keeps next in its database, and compares it with from
// in the transaction that applies the records.
type printer struct {
	mu   sync.Mutex
	next map[broker.TopicPartition]broker.Position
	all  chan struct{} // closed once three records were applied
}

func (p *printer) Position(_ context.Context, tp broker.TopicPartition, log broker.LogStart) (broker.Position, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.next[tp]; !ok {
		p.next[tp] = log.Position()
	}
	return p.next[tp], nil
}

func (p *printer) Handle(_ context.Context, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next[tp].Offset != from {
		return broker.ErrReseek
	}
	for _, r := range records {
		fmt.Printf("offset %d: %s=%s\n", r.Offset, r.Key, r.Value)
	}
	if p.next[tp] = next; next.Offset == 3 {
		close(p.all)
	}
	return nil
}

// A producer sends two batches, one of them twice, as after a lost response. A consumer reads each record once. Then a
// producer with a higher epoch writes, and the first one is fenced.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	kafka := kafkatest.New(t)
	client, err := broker.New(broker.Config{Brokers: []string{kafka.Addr}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic := kafka.Topic("shop.hat.v1")
	if err := client.EnsureTopic(t.Context(), broker.TopicSpec{Name: topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	tp := broker.TopicPartition{Topic: topic}
	id, err := client.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	holder := broker.ProducerSession{ID: id, Epoch: 1}
	first := encode(t, tp, holder, 0, "fez=54", "bowler=57")
	second := encode(t, tp, holder, first.NextSequence, "fez=56")
	for _, batch := range []*broker.Batch{first, second, second} {
		if err := send(t.Context(), client, batch); err != nil {
			t.Fatal(err)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	handler := &printer{next: map[broker.TopicPartition]broker.Position{}, all: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		ended <- client.Consume(ctx, broker.GroupConfig{GroupID: kafka.Topic("printers"), Topics: []string{topic}}, handler)
	}()
	<-handler.all
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	successor := broker.ProducerSession{ID: id, Epoch: 2}
	if err := send(t.Context(), client, encode(t, tp, successor, 0, "fez=58")); err != nil {
		t.Fatal(err)
	}
	err = send(t.Context(), client, encode(t, tp, holder, second.NextSequence, "fez=55"))
	fmt.Println("the first producer is now", broker.VerdictOf(err))
	// Output:
	// offset 0: fez=54
	// offset 1: bowler=57
	// offset 2: fez=56
	// the first producer is now fenced
}

// encode makes a batch of records that are given as KEY=VALUE.
func encode(t *exampletb.TB, tp broker.TopicPartition, s broker.ProducerSession, sequence int32, pairs ...string) *broker.Batch {
	var records []broker.Record
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		records = append(records, broker.Record{Key: []byte(key), Value: []byte(value), Time: time.Now()})
	}
	batch, err := broker.EncodeBatch(tp, s, sequence, records)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// send sends the same bytes until the result is certain.
func send(ctx context.Context, client *broker.Client, batch *broker.Batch) error {
	for {
		err := client.Produce(ctx, []*broker.Batch{batch})[0].Err
		if err == nil {
			return nil
		}
		switch broker.VerdictOf(err) {
		case broker.Resend, broker.NotWritten:
			if ctx.Err() != nil {
				return err
			}
		default:
			return err
		}
	}
}

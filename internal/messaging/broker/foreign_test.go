package broker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// foreign is the library's own client, in the place of other producers and tools.
func foreign(t *testing.T, b *bundle) *kafka.Client {
	t.Helper()
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(b.Addr), Transport: transport, Timeout: 10 * time.Second}
}

func committed(t *testing.T, b *bundle, tp broker.TopicPartition) int64 {
	t.Helper()
	response, err := foreign(t, b).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: b.Topic("group"),
		Topics: map[string][]int{tp.Topic: {tp.Partition}}})
	if err != nil {
		t.Fatal(err)
	}
	return response.Topics[tp.Topic][0].CommittedOffset
}

func TestForeignCompressedBatchesAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	var want []string
	for _, codec := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		w := &kafka.Writer{Addr: kafka.TCP(b.Addr), Topic: b.topic, Compression: codec, RequiredAcks: kafka.RequireAll,
			BatchTimeout: time.Millisecond, Transport: foreign(t, b).Transport,
			Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return 0 })}
		var messages []kafka.Message
		for i := range 50 {
			want = append(want, fmt.Sprintf("%v %d", codec, i))
			messages = append(messages, kafka.Message{Key: []byte("key"), Value: []byte(want[len(want)-1]),
				Headers: []kafka.Header{{Key: "codec", Value: []byte(codec.String())}}})
		}
		if err := w.WriteMessages(t.Context(), messages...); err != nil {
			t.Fatal(codec, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kafkatest.Eventually(t, "all are applied", func() bool { return db.count() == len(want) })
	if got := db.values(b.tp(0)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, r := range db.applied[b.tp(0)] {
		if len(r.Headers) != 1 || r.Headers[0].Key != "codec" {
			t.Fatalf("headers %v", r.Headers)
		}
	}
}

// The markers that end transactions have an offset, but no record.
func TestMarksOfForeignTransactionsAreSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, "before")
	abortEmptyTransaction(t, b)
	b.write(t, 0, "after")
	abortEmptyTransaction(t, b)
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	kafkatest.Eventually(t, "the position is beyond the marks", func() bool { return db.position(b.tp(0)) == 4 })
	if got := db.values(b.tp(0)); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("got %q", got)
	}
	if offset := db.applied[b.tp(0)][1].Offset; offset != 2 {
		t.Errorf("the record after the mark is at offset %d", offset)
	}
}

func abortEmptyTransaction(t *testing.T, b *bundle) {
	t.Helper()
	client := foreign(t, b)
	id := b.Topic("transaction")
	producer, epoch := 0, 0
	retryTransaction(t, func(ctx context.Context) error {
		r, err := client.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 10_000,
			ProducerID: -1, ProducerEpoch: -1})
		if err != nil || r.Error != nil {
			return cmpErr(err, r)
		}
		producer, epoch = r.Producer.ProducerID, r.Producer.ProducerEpoch
		return nil
	})
	retryTransaction(t, func(ctx context.Context) error {
		r, err := client.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{TransactionalID: id, ProducerID: producer,
			ProducerEpoch: epoch, Topics: map[string][]kafka.AddPartitionToTxn{b.topic: {{Partition: 0}}}})
		if err != nil {
			return err
		}
		return r.Topics[b.topic][0].Error
	})
	end, err := b.client.EndOffset(t.Context(), b.tp(0))
	if err != nil {
		t.Fatal(err)
	}
	retryTransaction(t, func(ctx context.Context) error {
		r, err := client.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: id, ProducerID: producer, ProducerEpoch: epoch})
		if err != nil {
			return err
		}
		return r.Error
	})
	kafkatest.Eventually(t, "the mark is written", func() bool {
		now, err := b.client.EndOffset(t.Context(), b.tp(0))
		return err == nil && now == end+1
	})
}

func cmpErr(err error, r *kafka.InitProducerIDResponse) error {
	if err != nil {
		return err
	}
	return r.Error
}

// retryTransaction retries until the transaction coordinator is ready.
func retryTransaction(t *testing.T, f func(context.Context) error) {
	t.Helper()
	var err error
	kafkatest.Eventually(t, "the transaction's coordinator is ready", func() bool {
		err = f(t.Context())
		return err == nil
	})
}

// Java's own test vectors (org.apache.kafka.common.utils.UtilsTest.testMurmur2), for all numbers of partitions that matter
// here.
func TestPartitionsAreAsInForeignProducers(t *testing.T) {
	t.Parallel()
	vectors := map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	balancer := kafka.Murmur2Balancer{}
	for _, n := range []int{1, 2, 3, event.Partitions, 100} {
		var all []int
		for p := range n {
			all = append(all, p)
		}
		for key, hash := range vectors {
			want := int(hash&0x7fffffff) % n
			if got := event.Partition([]byte(key), n); got != want {
				t.Errorf("%q of %d: %d, Java's is %d", key, n, got, want)
			}
			if got := balancer.Balance(kafka.Message{Key: []byte(key)}, all...); got != want {
				t.Errorf("%q of %d: the library's is %d, Java's is %d", key, n, got, want)
			}
		}
	}
}

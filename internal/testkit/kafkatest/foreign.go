package kafkatest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// WriteCompressed writes one record in a compressed batch, as only a foreign producer does. Uncompressed, the record may have up
// to 90 MiB.
func (b *Broker) WriteCompressed(t testing.TB, tp broker.TopicPartition, r broker.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.upstream), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.GzipCompression()), kgo.ProducerBatchMaxBytes(95<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: b.wire + tp.Topic, Partition: int32(tp.Partition), Key: r.Key, Value: r.Value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

//go:build realkafka

package broker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// These tests need a real Kafka, because the embedded broker fences in another way. "make test-kafka" runs them.
func TestKafkaIsThere(t *testing.T) {
	t.Parallel()
	if !kafkatest.Real() {
		t.Fatal("the tag realkafka asks for a real Apache Kafka: set KAFKA_BROKERS, or use \"make test-kafka\"")
	}
}

// H1 zombie relay: holder A encodes version 1 and is paused. Its lease moves to B, which sends versions 1 and 2. A goes on.
func TestPausedHolderWritesNothingOld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a1 := b.batch(t, 0, 1, 0, "1")
	b1 := b.batch(t, 0, 2, 0, "1", "2")
	b.wantSent(t, b1, 0)
	b.wantVerdict(t, b.send(t, a1)[0], broker.Fenced)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 1, 1, "2"))[0], broker.Fenced)
	b.wantSent(t, b1, 0) // B can still repeat its batch
	b.wantLog(t, 0, "1", "2")
}

// H1 zombie relay, but A goes on before B's first batch. Nothing fences A yet. B sends everything again, from the oldest
// event that is not marked. So the log repeats a version, and is never inverted.
func TestPausedHolderThatIsFasterIsOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a1 := b.batch(t, 0, 1, 0, "1")
	b.wantSent(t, a1, 0)
	b.wantSent(t, b.batch(t, 0, 2, 0, "1", "2"), 1)
	b.wantVerdict(t, b.send(t, a1)[0], broker.Fenced)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 1, 1, "2"))[0], broker.Fenced)
	b.wantLog(t, 0, "1", "1", "2")
}

// H1 zombie relay, and A's batch is delayed in the network while B takes over and writes.
func TestBatchHeldUpInTheNetworkIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSent(t, b.batch(t, 1, 0, 0, "warm"), 0)
	a1 := b.batch(t, 0, 1, 0, "1")
	reached, release := b.Hold(kafkatest.Produce)
	done := make(chan broker.Result)
	go func() { done <- b.client.Produce(context.WithoutCancel(t.Context()), []*broker.Batch{a1})[0] }()
	<-reached
	b.wantSent(t, b.batch(t, 0, 2, 0, "1", "2"), 0)
	release()
	b.wantVerdict(t, <-done, broker.Fenced)
	b.wantLog(t, 0, "1", "2")
}

func TestEpochsOfPartitionsAreIndependent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results := b.send(t, b.batch(t, 0, 2, 0, "new holder"), b.batch(t, 1, 1, 0, "old holder"))
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("partition %d: %v", i, r.Err)
		}
	}
	results = b.send(t, b.batch(t, 0, 1, 0, "zombie"), b.batch(t, 1, 1, 1, "goes on"))
	b.wantVerdict(t, results[0], broker.Fenced)
	if results[1].Err != nil {
		t.Error(results[1].Err)
	}
}

func TestSequencesWrapToZero(t *testing.T) {
	t.Parallel()
	b := setup(t)
	last := b.batch(t, 0, 0, 2147483647, "last") // an unknown producer may begin with any sequence on Kafka
	b.wantSent(t, last, 0)
	b.wantSent(t, b.batch(t, 0, 0, last.NextSequence, "first"), 1)
	b.wantLog(t, 0, "last", "first")
}

// Compaction keeps a key's highest offset, not its highest version (H1 zombie relay). Because of the fencing these are the
// same record. And a reader that begins at offset 0 skips the offsets that compaction has removed.
func TestCompactionKeepsTheHighestVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.topic = b.Topic("compacted")
	created, err := foreign(t, b).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: b.topic, NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{
			{ConfigName: "cleanup.policy", ConfigValue: "compact"}, {ConfigName: "segment.ms", ConfigValue: "300"},
			{ConfigName: "min.cleanable.dirty.ratio", ConfigValue: "0.01"}, {ConfigName: "max.compaction.lag.ms", ConfigValue: "1"},
			{ConfigName: "delete.retention.ms", ConfigValue: "0"}}}}})
	if err != nil || created.Errors[b.topic] != nil {
		t.Fatal(err, created)
	}
	a1 := b.batch(t, 0, 1, 0, "1")
	b.wantSent(t, a1, 0)
	holder := b.batch(t, 0, 2, 0, "1", "2", "3")
	b.wantSent(t, holder, 1)
	b.wantVerdict(t, b.send(t, a1)[0], broker.Fenced)

	// The cleaner compacts only closed segments, and a later write closes a segment.
	sequence, offset := holder.NextSequence, int64(4)
	kafkatest.Eventually(t, "the log is compacted", func() bool {
		batch, err := broker.EncodeBatch(b.tp(0), broker.ProducerSession{ID: b.id, Epoch: 2}, sequence,
			[]broker.Record{{Key: fmt.Appendf(nil, "other %d", offset), Value: []byte("x"), Time: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		b.wantSent(t, batch, offset)
		sequence, offset = batch.NextSequence, offset+1
		return ofKey(b.Log(t, b.tp(0))) == "3"
	})
	b.wantVerdict(t, b.send(t, a1)[0], broker.Fenced)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 1, 1, "2"))[0], broker.Fenced)

	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	kafkatest.Eventually(t, "a new reader gets to the end", func() bool { return db.position(b.tp(0)) == offset })
	if got := ofKey(db.applied[b.tp(0)]); got != "3" {
		t.Errorf("the new reader has %q", got)
	}
}

// ofKey returns the values of the key that the method batch uses.
func ofKey(log []broker.Fetched) string {
	log = slices.DeleteFunc(slices.Clone(log), func(r broker.Fetched) bool { return string(r.Key) != "key" })
	out := ""
	for _, r := range log {
		out += string(r.Value)
	}
	return out
}

//go:build realkafka

package broker_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// Schedule: a consumer has applied ten records. Kafka elects a leader that has only five of them, in a new leader epoch. The
// log grows to 25 records. A consumer that went on at offset 10 would miss five of them.
//
// With one broker there is no unclean election. So the test removes the end of the log while the broker is stopped.
func TestLogOfKafkaThatLostItsEndHalts(t *testing.T) {
	t.Parallel()
	kafka := kafkaprocess.Run(t, nil)
	client, err := broker.New(broker.Config{Brokers: []string{kafka.Addr}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	tp := broker.TopicPartition{Topic: "events"}
	if err := client.EnsureTopic(t.Context(), broker.TopicSpec{Name: tp.Topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	id, err := client.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write := func(epoch int16, from, to int) { // one batch for each record, all of the same size
		for i := from; i < to; i++ {
			batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id, Epoch: epoch}, int32(i-from),
				[]broker.Record{{Key: []byte("k"), Value: fmt.Appendf(nil, "%03d", i), Time: time.Now()}})
			if err != nil {
				t.Fatal(err)
			}
			kafkatest.Eventually(t, "it is written", func() bool { return client.Produce(t.Context(), []*broker.Batch{batch})[0].Err == nil })
		}
	}
	write(0, 0, 10)
	db := newCopies()
	b := &bundle{}
	cfg := haltConfig()
	cfg.GroupID, cfg.Topics = "group", []string{tp.Topic}
	b.consume(t, client, cfg, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 10 })

	kafka.Stop(30 * time.Second)
	cutLog(t, filepath.Join(kafka.Data, tp.String()))
	if err := kafka.Start(); err != nil {
		t.Fatal(err)
	}
	if err := kafka.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(1, 5, 25)
	if end, err := client.EndOffset(t.Context(), tp); err != nil || end != 25 {
		t.Fatalf("the log's end is %d, %v", end, err)
	}
	halted := func() []broker.PartitionState {
		s, _ := client.GroupState("group")
		return s.Halted()
	}
	kafkatest.Eventually(t, "the partition is halted", func() bool { return len(halted()) == 1 })
	db.awaitRechecks(t)
	if h := halted(); len(h) != 1 || h[0].HaltCode != broker.HaltLogTruncated || db.count() != 10 {
		t.Errorf("halted %+v, %d records are applied", h, db.count())
	}
	db.set(tp, 5)
	kafkatest.Eventually(t, "the new records are applied", func() bool { return db.count() == 30 })
}

// cutLog removes the second half of a partition's only segment, and what Kafka derives from the segment.
func cutLog(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	info, err := os.Stat(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments[0], info.Size()/2); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.index", "*.timeindex", "*.snapshot"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

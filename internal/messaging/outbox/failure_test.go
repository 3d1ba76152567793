package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func (b *bundle) partition(topic, key string) broker.TopicPartition {
	return broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
}

// TestCrashInTheMiddle kills one relay after the other while a writer keeps writing.
func TestCrashInTheMiddle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const keys, rounds, generations = 20, 12, 4
	version := int64(0)
	for generation := range generations {
		relay := b.start(fmt.Sprint("generation-", generation), func(c *Config, k Broker) Broker { c.ClaimRows = 100; return k })
		for range rounds {
			version++
			for k := range keys {
				b.append(message(b.topics()[k%2], fmt.Sprint("key-", k), version))
			}
			relay.Wake()
			if generation > 0 && version%rounds == rounds/2 {
				relay.waitForShards(allShards)
			}
		}
		if generation < generations-1 {
			relay.crash()
		}
	}
	b.waitUntilSent()
	for k := range keys {
		b.wantHistory(b.topics()[k%2], fmt.Sprint("key-", k), version)
	}
}

// TestCrashBetweenAckAndMark: the next relay finds in the log that the events were written. It marks them and does not send
// them again.
func TestCrashBetweenAckAndMark(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.start("a", func(c *Config, k Broker) Broker { c.MarkRest = time.Hour; return k })
	first.waitForShards(allShards)
	b.append(message(b.products, "warm-up", 1))
	b.waitUntilSent() // MarkRest begins now
	b.append(versions(b.products, "a", 1, 3)...)
	first.Wake()
	kafkatest.Eventually(t, "the events are in the log", func() bool { return len(b.log(b.products, "a")) == 3 })
	first.crash()
	if n := b.pending(); n != 3 {
		t.Fatalf("%d events are pending, want 3", n)
	}
	b.start("b")
	b.waitUntilSent()
	b.append(message(b.products, "a", 4))
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3, 4)
}

// silentBroker is a broker whose answers do not arrive. It writes the batches if writes is set.
type silentBroker struct {
	Broker
	writes  bool
	calls   atomic.Int64
	healthy atomic.Bool
}

func (d *silentBroker) ProduceLimit(broker.NodeID) int { return broker.MaxBatchBytes }

func (d *silentBroker) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	d.calls.Add(1)
	if d.healthy.Load() {
		return d.Broker.Produce(ctx, batches)
	}
	if d.writes {
		d.Broker.Produce(ctx, batches)
	}
	results := make([]broker.Result, len(batches))
	for i := range results {
		results[i].Err = errors.New("no answer")
	}
	return results
}

// TestNotMarkedBeforeTheAck: while the broker does not answer, no event is marked sent. Afterwards the log has each
// event once.
func TestNotMarkedBeforeTheAck(t *testing.T) {
	t.Parallel()
	for name, writes := range map[string]bool{"written": true, "not written": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			kafka := &silentBroker{writes: writes}
			relay := b.start("a", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
			b.append(versions(b.products, "a", 1, 3)...)
			relay.Wake()
			kafkatest.Eventually(t, "the batch was sent a few times, or is marked sent", func() bool { return kafka.calls.Load() > 3 || b.pending() == 0 })
			if n := b.pending(); n != 3 {
				t.Errorf("%d events are pending without any ack, want 3", n)
			}
			kafka.healthy.Store(true)
			b.waitUntilSent()
			b.wantLog(b.products, "a", 1, 2, 3)
		})
	}
}

func TestAnswerLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	relay.waitForShards(allShards)
	b.kafka.LoseAnswers(kafkatest.Produce, 3)
	for v := range int64(6) {
		b.append(message(b.products, "a", v+1))
		relay.Wake()
	}
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3, 4, 5, 6)
}

func TestKafkaAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ begin, end func(*kafkatest.Broker) }{
		"gone":    {(*kafkatest.Broker).Stop, (*kafkatest.Broker).Start},
		"hanging": {(*kafkatest.Broker).Pause, (*kafkatest.Broker).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			relay := b.start("a")
			b.append(message(b.products, "a", 1))
			b.waitUntilSent()
			fault.begin(b.kafka)
			b.append(versions(b.products, "a", 2, 4)...)
			relay.Wake()
			kafkatest.Eventually(t, "the trouble shows", func() bool { return relay.State().Troubles["kafka"] != "" })
			if n := b.pending(); n != 3 {
				t.Errorf("%d events are pending, want 3", n)
			}
			fault.end(b.kafka)
			b.waitUntilSent()
			b.wantLog(b.products, "a", 1, 2, 3, 4)
			kafkatest.Eventually(t, "the trouble is over", func() bool { return len(relay.State().Troubles) == 0 })
		})
	}
}

// TestPartitionWithoutLeaderWaitsAlone: other partitions do not wait for it, however long it takes.
func TestPartitionWithoutLeaderWaitsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start("a", func(c *Config, k Broker) Broker { c.ClaimRows = 24; return k })
	b.kafka.RefuseProduce(b.partition(b.products, "a"), 5, 1<<30)
	b.append(versions(b.products, "a", 1, 100)...)
	b.append(versions(b.products, "other", 1, 100)...)
	kafkatest.Eventually(t, "the other partition's events are sent", func() bool { return b.pending() == 100 })
	b.kafka.Heal()
	b.waitUntilSent()
	b.wantHistory(b.products, "a", 100)
	b.wantHistory(b.products, "other", 100)
	if s, err := ReadStatus(t.Context(), b.pool); err != nil || s.BlockedCount != 0 {
		t.Errorf("%d aggregates are blocked, %v", s.BlockedCount, err)
	}
}

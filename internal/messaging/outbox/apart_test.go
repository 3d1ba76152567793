package outbox

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// TestTopicsDoNotDisturbEachOther: Kafka does not accept one topic, and more of its events are pending than the relay keeps in
// memory. The events of the other topic, in the same partitions, arrive meanwhile, without a new epoch. When the trouble ends,
// everything arrives, also without a new epoch: nothing of the refused batches was written.
func TestTopicsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]struct {
		begin, end func(*bundle, *leaderlessBroker)
		visible    string
	}{
		"without a leader": {
			func(b *bundle, k *leaderlessBroker) { k.without.Store(&b.products) },
			func(_ *bundle, k *leaderlessBroker) { k.without.Store(nil) },
			broker.ErrNoLeader.Error(),
		},
		"not authorized": {
			func(b *bundle, _ *leaderlessBroker) { b.refuseProducts(29) },
			func(b *bundle, _ *leaderlessBroker) { b.kafka.Heal() },
			string(RefusedByKafka),
		},
		"refused by a policy": {
			func(b *bundle, _ *leaderlessBroker) { b.refuseProducts(44) },
			func(b *bundle, _ *leaderlessBroker) { b.kafka.Heal() },
			string(RefusedByKafka),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			kafka := &leaderlessBroker{}
			relay := b.start("a", func(c *Config, k Broker) Broker {
				c.ClaimRows = 10 * allShards
				kafka.Broker = k
				return kafka
			})
			relay.waitForShards(allShards)
			epochs := b.number(`SELECT sum(epoch) FROM outbox_lease`)
			trouble.begin(b, kafka)
			b.append(versions(b.products, "a", 1, 20*allShards)...)
			relay.Wake()
			kafkatest.Eventually(t, "the trouble is visible", func() bool { return relay.says(trouble.visible) })
			for version := range int64(10) {
				b.appendToEachShard(b.markets, version+1)
				relay.Wake()
				kafkatest.Eventually(t, "the other topic is published", func() bool { return b.pending() == 20*allShards })
			}
			b.wantEachShard(b.markets, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
			trouble.end(b, kafka)
			b.waitUntilSent()
			b.wantHistory(b.products, "a", 20*allShards)
			if used := b.number(`SELECT sum(epoch) FROM outbox_lease`) - epochs; used != 0 {
				t.Errorf("%d epochs were used", used)
			}
			kafkatest.Eventually(t, "the trouble is over", func() bool { return !relay.says(trouble.visible) })
		})
	}
}

// TestARecreatedTopicDoesNotDisturbTheOther: one topic is halted until an operator acts. The other one is published.
func TestARecreatedTopicDoesNotDisturbTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.appendToEachShard(b.products, 1)
	b.waitUntilSent()
	b.recreateProducts(t)
	relay.waitForHalt(TopicRecreated, event.Partitions)
	epochs := b.number(`SELECT sum(epoch) FROM outbox_lease`)
	b.appendToEachShard(b.products, 2)
	b.appendToEachShard(b.markets, 1)
	kafkatest.Eventually(t, "the other topic is published", func() bool { return b.pending() == event.Partitions })
	b.wantEachShard(b.markets, 1)
	b.wantEachShard(b.products)
	if used := b.number(`SELECT sum(epoch) FROM outbox_lease`) - epochs; used != 0 {
		t.Errorf("%d epochs were used", used)
	}
}

// TestATopicWithoutALeaderMovesNoShard: a topic has no leader, and only its events are pending. Kafka answers every instance, so
// no instance is cut off from it. Handing the shards around would only use up epochs.
func TestATopicWithoutALeaderMovesNoShard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kafkas := []*leaderlessBroker{{}, {}}
	for i, kafka := range kafkas {
		b.start(fmt.Sprint("instance ", i), func(c *Config, k Broker) Broker {
			kafka.Broker = soon(c, k)
			return kafka
		})
	}
	kafkatest.Eventually(t, "they share", func() bool {
		return b.number(`SELECT count(*) FROM (SELECT FROM outbox_lease WHERE owner IS NOT NULL GROUP BY owner HAVING count(*) = $1) x`, allShards/2) == 2
	})
	for _, kafka := range kafkas {
		kafka.without.Store(&b.products)
	}
	epochs := b.number(`SELECT sum(epoch) FROM outbox_lease`)
	b.appendToEachShard(b.products, 1)
	const beats = `SELECT sum(beat) FROM outbox_instance`
	began := b.number(beats)
	kafkatest.Eventually(t, "the time after which shards are given up has passed, three times", func() bool {
		return b.number(beats) > began+2*30 // GiveUpAfter is ten beats
	})
	if used := b.number(`SELECT sum(epoch) FROM outbox_lease`) - epochs; used != 0 {
		t.Errorf("%d epochs were used", used)
	}
	for _, kafka := range kafkas {
		kafka.without.Store(nil)
	}
	b.waitUntilSent()
}

// refuseProducts makes Kafka refuse every batch of the products.
func (b *bundle) refuseProducts(code int16) {
	for p := range event.Partitions {
		b.kafka.RefuseProduce(broker.TopicPartition{Topic: b.products, Partition: p}, code, kafkatest.Forever)
	}
}

// says reports whether the state of the relay has a text.
func (r *runningRelay) says(text string) bool { return strings.Contains(fmt.Sprint(r.State()), text) }

// leaderlessBroker has no leader for the partitions of one topic.
type leaderlessBroker struct {
	Broker
	without atomic.Pointer[string]
}

// Leader implements Broker.
func (k *leaderlessBroker) Leader(ctx context.Context, tp broker.TopicPartition) (broker.NodeID, error) {
	if topic := k.without.Load(); topic != nil && *topic == tp.Topic {
		return 0, fmt.Errorf("%s: %w", tp, broker.ErrNoLeader)
	}
	return k.Broker.Leader(ctx, tp)
}

// EndOffset implements Broker.
func (k *leaderlessBroker) EndOffset(ctx context.Context, tp broker.TopicPartition) (int64, error) {
	if topic := k.without.Load(); topic != nil && *topic == tp.Topic {
		return 0, fmt.Errorf("%s: %w", tp, broker.ErrNoLeader)
	}
	return k.Broker.EndOffset(ctx, tp)
}

// Produce implements Broker.
func (k *leaderlessBroker) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	topic := k.without.Load()
	results, passed, places := make([]broker.Result, len(batches)), []*broker.Batch{}, []int{}
	for i, b := range batches {
		if topic != nil && b.TP.Topic == *topic {
			results[i].Err = &broker.Error{TP: b.TP, Code: 5, Verdict: broker.NotWritten, Err: broker.ErrNoLeader}
			continue
		}
		passed, places = append(passed, b), append(places, i)
	}
	if len(passed) > 0 {
		for i, result := range k.Broker.Produce(ctx, passed) {
			results[places[i]] = result
		}
	}
	return results
}

package outbox

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// soon makes a relay give its shards up after a second.
func soon(cfg *Config, k Broker) Broker {
	cfg.GiveUpAfter = time.Second
	return k
}

// An instance reaches PostgreSQL but not Kafka. The other instance has nothing to send.
func TestShardsAreGivenUpWithoutKafka(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sick, well := b.start("sick", soon), b.start("well", soon)
	sick.waitForShards(allShards / 2)
	well.waitForShards(allShards / 2)
	keys := keyOfEachShard()
	sick.toKafka.cut()
	held := sick.State().Shards
	eachHeld := func(f func(topic, key string)) {
		for _, topic := range b.topics() {
			for partition, key := range keys {
				if slices.Contains(held, broker.TopicPartition{Topic: topic, Partition: partition}.String()) {
					f(topic, key)
				}
			}
		}
	}
	eachHeld(func(topic, key string) { b.append(versions(topic, key, 1, 3)...) })
	b.waitUntilSent()
	well.waitForShards(allShards)
	eachHeld(func(topic, key string) { b.wantHistory(topic, key, 3) })
	sick.toKafka.mend()
	sick.waitForShards(allShards / 2)
	well.waitForShards(allShards / 2)
	for _, key := range keys {
		b.append(message(b.markets, key, 4))
	}
	b.waitUntilSent()
}

// Kafka is away for all three instances. No shard moves, and no epoch is used up.
func TestAnOutageOfKafkaUsesUpNoEpoch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relays := []*runningRelay{b.start("a", soon), b.start("b", soon), b.start("c", soon)}
	for _, r := range relays {
		r.waitForShards(allShards / 3)
	}
	before := b.leaseEpochs()
	for _, r := range relays {
		r.toKafka.cut()
	}
	for _, key := range keyOfEachShard() {
		b.append(append(versions(b.products, key, 1, 2), versions(b.markets, key, 1, 2)...)...)
	}
	kafkatest.Eventually(t, "no instance is answered", func() bool { return b.count(`outbox_instance WHERE kafka = 'silent'`) == len(relays) })
	b.waitForBeats(40) // four seconds: longer than the lease time-out and GiveUpAfter
	for _, r := range relays {
		r.toKafka.mend()
	}
	b.waitUntilSent()
	b.waitForBeats(20)
	if after := b.leaseEpochs(); !slices.Equal(after, before) {
		t.Errorf("epochs %v became %v", before, after)
	}
	for _, key := range keyOfEachShard() {
		b.wantLog(b.products, key, 1, 2)
		b.wantLog(b.markets, key, 1, 2)
	}
}

// Kafka answers all questions of an instance, but its events do not get through.
func TestShardsAreGivenUpWithoutAcknowledgements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sick := b.start("sick", soon, func(_ *Config, k Broker) Broker { return noAckBroker{k} })
	well := b.start("well", soon)
	sick.waitForShards(allShards / 2)
	well.waitForShards(allShards / 2)
	for _, key := range keyOfEachShard() {
		b.append(versions(b.products, key, 1, 3)...)
	}
	b.waitUntilSent()
	for _, key := range keyOfEachShard() {
		b.wantHistory(b.products, key, 3)
	}
}

// noAckBroker does not answer produce requests.
type noAckBroker struct{ Broker }

func (n noAckBroker) Produce(_ context.Context, batches []*broker.Batch) []broker.Result {
	results := make([]broker.Result, len(batches))
	for i := range results {
		results[i].Err = errors.New("no route to host")
	}
	return results
}

func (b *bundle) leaseEpochs() (epochs []int64) {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `SELECT epoch FROM outbox_lease ORDER BY 1`)
	if err == nil {
		epochs, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return epochs
}

// count returns the number of rows of a table, under a condition.
func (b *bundle) count(from string) (n int) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), `SELECT count(*) FROM `+from).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// waitForBeats waits until each instance has made so many lease passes.
func (b *bundle) waitForBeats(n int64) {
	b.t.Helper()
	lowest := func() (beat int64) {
		if err := b.pool.QueryRow(b.t.Context(), `SELECT min(beat) FROM outbox_instance`).Scan(&beat); err != nil {
			b.t.Fatal(err)
		}
		return beat
	}
	through := lowest() + n
	kafkatest.Eventually(b.t, "beats", func() bool { return lowest() >= through })
}

package outbox

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// TestAUsedEpochLosesNothing replays H23 used epoch: a standby is promoted that misses the last commits of leases. Each
// shard takes an epoch that it had before, and sends one event. The broker has one batch of that epoch, with the same
// sequence and as many records. It acknowledges the new batch as a repetition, and does not write it.
func TestAUsedEpochLosesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.appendToEachShard(b.products, 1)
	b.publishOnce(t, "first") // its lease has another epoch after it got the producer id
	leases := b.backup("outbox_lease")
	b.appendToEachShard(b.products, 2)
	b.publishOnce(t, "second")
	b.restore(b.pool, leases)
	b.appendToEachShard(b.products, 3)
	relay := b.start("after the failover")
	b.waitUntilSent()
	b.wantEachShard(b.products, 1, 2, 3)
	relay.waitUntilNotHalted()
}

// TestALostEpochHalts: the database has an older epoch than the log, although nothing else of it is lost. The broker
// fences each shard, and the lease is valid. So somebody else publishes. The relay does not climb, also after a restart.
func TestALostEpochHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.appendToEachShard(b.products, 1)
	b.publishOnce(t, "first")
	b.exec(b.pool, `UPDATE outbox_lease SET epoch = epoch + 5`)
	b.appendToEachShard(b.products, 2)
	b.publishOnce(t, "second")
	b.exec(b.pool, `UPDATE outbox_lease SET epoch = epoch - 5`)
	b.appendToEachShard(b.products, 3)
	for range 2 {
		relay := b.start("fenced")
		relay.waitForHalt(FencedByAnother, event.Partitions)
		epochs := b.number(`SELECT sum(epoch) FROM outbox_lease`)
		scans := b.number(`SELECT sum(beat) FROM outbox_lease`)
		kafkatest.Eventually(t, "the relay has renewed its leases some times", func() bool {
			return b.number(`SELECT sum(beat) FROM outbox_lease`) > scans+5*event.Partitions
		})
		if climbed := b.number(`SELECT sum(epoch) FROM outbox_lease`) - epochs; climbed != 0 {
			t.Errorf("the epochs climbed by %d", climbed)
		}
		b.wantEachShard(b.products, 1, 2)
		relay.stop()
	}
	if err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return ResetProducers(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	relay := b.start("repaired")
	b.waitUntilSent()
	b.wantEachShard(b.products, 1, 2, 3)
	relay.waitUntilNotHalted()
}

// TestARestoredDatabaseHalts replays H24 parted histories: the database comes back from a backup, and gives out version 2
// again with other content. Copies would keep the old version 2 forever.
func TestARestoredDatabaseHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(message(b.products, "a", 1), message(b.products, "b", 1))
	b.publishOnce(t, "first")
	saved := b.backup(outboxTables...)
	b.append(message(b.products, "a", 2))
	b.publishOnce(t, "second")
	b.restore(b.pool, saved)
	b.append(message(b.products, "a", 2), message(b.markets, "a", 1), message(b.products, "b", 2))
	for range 2 {
		relay := b.start("restored")
		relay.waitForHalt(HistoriesParted, 1)
		kafkatest.Eventually(t, "the other shards are published", func() bool { return b.pending() == 1 })
		b.wantLog(b.products, "a", 1, 2)
		b.wantLog(b.markets, "a", 1)
		b.wantLog(b.products, "b", 1, 2)
		relay.stop()
	}
}

// TestARecreatedTopicHalts: a topic is deleted and created again, while the relay runs and while it does not. The relay
// does not publish into the new log, until an operator has adopted it.
func TestARecreatedTopicHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.appendToEachShard(b.products, 1)
	b.waitUntilSent()
	b.recreateProducts(t)
	relay.waitForHalt(TopicRecreated, event.Partitions)
	b.appendToEachShard(b.products, 2)
	relay.stop()
	again := b.start("b")
	again.waitForHalt(TopicRecreated, event.Partitions)
	b.wantEachShard(b.products)
	if adopted := b.adopt(false); len(adopted) != event.Partitions {
		t.Errorf("%d logs are adopted, want those of the recreated topic", len(adopted))
	}
	b.waitUntilSent()
	again.waitUntilNotHalted()
	b.wantEachShard(b.products, 2)
}

// TestARecreatedTopicIsNoticedByTheNextBatch: an event is committed before the relay has looked at the topic again. Its
// batch lands at the start of the new log, below the end of the old one. It is not marked.
func TestARecreatedTopicIsNoticedByTheNextBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a", func(c *Config, k Broker) Broker { c.RecheckEvery = 500 * time.Millisecond; return k })
	b.append(versions(b.products, "a", 1, 3)...)
	b.waitUntilSent()
	relay.waitForShards(allShards)
	b.recreateProducts(t)
	b.append(message(b.products, "a", 4))
	relay.Wake()
	relay.waitForHalt(TopicRecreated, event.Partitions)
	if n := b.pending(); n != 1 {
		t.Errorf("%d events are pending, want the one that got into the new log at most", n)
	}
}

func (b *bundle) recreateProducts(t *testing.T) {
	t.Helper()
	b.kafka.Reset(t, b.products)
	b.kafka.CreateTopic(t, "product", event.Partitions)
}

// TestALogThatLostItsEndHalts: the log ends below the offset up to which everything was acknowledged, as after an unclean
// election.
func TestALogThatLostItsEndHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(message(b.products, "a", 1))
	b.publishOnce(t, "first")
	b.exec(b.pool, `UPDATE outbox_log SET acked_end = acked_end + 1 WHERE topic = $1 AND acked_end > 0`, b.products)
	b.append(message(b.products, "a", 2))
	relay := b.start("second")
	relay.waitForHalt(LogTruncated, 1)
	b.wantLog(b.products, "a", 1)
	// The halt ends by itself when the log has its end again.
	b.exec(b.pool, `UPDATE outbox_log SET acked_end = acked_end - 1 WHERE topic = $1 AND acked_end > 0`, b.products)
	b.waitUntilSent()
	relay.waitUntilNotHalted()
	b.wantLog(b.products, "a", 1, 2)
}

// TestAnotherClusterHalts: the brokers belong to another cluster than the one that this database published to.
func TestAnotherClusterHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(message(b.products, "a", 1))
	b.publishOnce(t, "first")
	b.exec(b.pool, `UPDATE outbox_origin SET cluster_id = 'another'`)
	b.append(message(b.products, "a", 2))
	relay := b.start("second")
	relay.waitForHalt(ForeignCluster, allShards)
	b.wantLog(b.products, "a", 1)
	producers := b.number(`SELECT max(producer_id) FROM outbox_lease`)
	b.adopt(false)
	b.waitUntilSent()
	relay.waitUntilNotHalted()
	b.wantLog(b.products, "a", 1, 2)
	if b.number(`SELECT max(producer_id) FROM outbox_lease`) == producers {
		t.Error("the shards keep the producer ids of the other cluster")
	}
}

// TestACloneHalts replays H25 clone: a copy of production's database is started against production's Kafka. Production
// has published since the copy was made, so the clone finds an event that it does not know. It must not fence production.
func TestACloneHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	production := b.start("production")
	b.appendToEachShard(b.products, 1)
	b.waitUntilSent()
	clone := b.clone()
	b.appendToEachShard(b.products, 2)
	b.waitUntilSent()
	clone.appendToEachShard(b.products, 2)
	clone.start("clone").waitForHalt(HistoriesParted, event.Partitions)
	b.appendToEachShard(b.products, 3)
	b.waitUntilSent()
	production.waitUntilNotHalted()
	b.wantEachShard(b.products, 1, 2, 3)
}

// TestACloneOfAQuietDatabaseIsNoticed: the clone has all that production has published, so it can publish. Production is
// then fenced although its lease is valid. It halts, and does not fence the clone with a higher epoch.
func TestACloneOfAQuietDatabaseIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	production := b.start("production")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	production.waitForShards(allShards)
	clone := b.clone()
	cloned := clone.start("clone")
	clone.append(message(b.products, "a", 2))
	clone.waitUntilSent()
	b.append(message(b.products, "a", 2))
	production.waitForHalt(FencedByAnother, 1)
	clone.append(message(b.products, "a", 3))
	clone.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3)
	if halted := cloned.State().Halted; len(halted) != 0 {
		t.Errorf("production has fenced the clone: %+v", halted)
	}
}

// TestAForeignRecordHalts: another producer writes to a log while the relay runs. The relay's next batch lands behind that
// record. It is not marked before the record was compared, so the end of the log is not raised above the record.
func TestAForeignRecordHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	b.kafka.Write(t, b.partition(b.products, "a"), broker.Record{Key: []byte("a"), Value: []byte("a/7"), Time: time.Now()})
	b.append(message(b.products, "a", 2))
	relay.Wake()
	relay.waitForHalt(HistoriesParted, 1)
	if n := b.pending(); n != 1 {
		t.Errorf("%d events are pending, want the one behind the foreign record", n)
	}
	relay.stop()
	b.start("b").waitForHalt(HistoriesParted, 1)
	b.wantLog(b.products, "a", 1, 7, 2)
}

// TestAReconnectComparesAgain: the connections to the database end and are opened again. The database may now be another
// server. The relay compares before it publishes.
func TestAReconnectComparesAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	b.kafka.Write(t, b.partition(b.products, "a"), broker.Record{Key: []byte("a"), Value: []byte("a/7"), Time: time.Now()})
	relay.toDatabase.cut()
	relay.toDatabase.mend()
	relay.waitForHalt(HistoriesParted, 1)
	b.append(message(b.products, "a", 2), message(b.products, "b", 1))
	kafkatest.Eventually(t, "the other shards are published", func() bool { return b.pending() == 1 })
	b.wantLog(b.products, "a", 1, 7)
	b.wantLog(b.products, "b", 1)
}

// TestAPromotedServerSkipsEpochs: a standby was promoted. That is ordinary, so the relay publishes. But the last commits of
// leases may be lost, so it skips epochs once.
func TestAPromotedServerSkipsEpochs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.appendToEachShard(b.products, 1)
	b.publishOnce(t, "first")
	b.exec(b.pool, `UPDATE outbox_origin SET timeline = timeline + 1`)
	b.exec(b.pool, `UPDATE outbox_lease SET epoch = epoch + 10`)
	b.appendToEachShard(b.products, 2)
	b.publishOnce(t, "second")
	if lowest := b.number(`SELECT min(epoch) FROM outbox_lease`); lowest < skippedEpochs {
		t.Errorf("epoch %d", lowest)
	}
	// The promoted standby has leases that are older by ten epochs, and another timeline.
	b.exec(b.pool, `UPDATE outbox_origin SET timeline = timeline + 1`)
	b.exec(b.pool, `UPDATE outbox_lease SET epoch = epoch - 10`)
	b.appendToEachShard(b.products, 3)
	b.publishOnce(t, "promoted")
	b.wantEachShard(b.products, 1, 2, 3)
	before := b.number(`SELECT max(epoch) FROM outbox_lease`)
	b.appendToEachShard(b.products, 4)
	b.publishOnce(t, "restarted")
	if skipped := b.number(`SELECT max(epoch) FROM outbox_lease`) - before; skipped >= skippedEpochs {
		t.Errorf("a restart skipped %d epochs", skipped)
	}
	b.wantEachShard(b.products, 1, 2, 3, 4)
}

// TestTheFirstCheckTrustsTheLog: a relay of an earlier version has published, and has stored nothing about the logs.
func TestTheFirstCheckTrustsTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 3)...)
	b.publishOnce(t, "earlier version")
	b.exec(b.pool, `DELETE FROM outbox_log`)
	b.exec(b.pool, `DELETE FROM outbox_origin`)
	b.append(message(b.products, "a", 4))
	b.publishOnce(t, "this version")
	b.wantLog(b.products, "a", 1, 2, 3, 4)
	if end := b.number(`SELECT sum(acked_end) FROM outbox_log WHERE topic = $1`, b.products); end != 4 {
		t.Errorf("everything below %d is acknowledged, want 4", end)
	}
}

// TestAPurgeIsNoForeignRecord: an operator has purged a key. The null value is no event, and halts nothing.
func TestAPurgeIsNoForeignRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(message(b.products, "a", 1))
	b.publishOnce(t, "first")
	b.kafka.Write(t, b.partition(b.products, "a"), broker.Record{Key: []byte("a"), Time: time.Now()})
	b.append(message(b.products, "a", 2))
	b.publishOnce(t, "second")
	if end := b.number(`SELECT sum(acked_end) FROM outbox_log WHERE topic = $1`, b.products); end != 3 {
		t.Errorf("everything below %d is acknowledged, want 3", end)
	}
}

// TestALargeRangeIsMarked: a relay crashes with more acknowledged events than one query of the comparison reads.
func TestALargeRangeIsMarked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 2*compareChunk + 100
	first := b.start("a", func(c *Config, k Broker) Broker { c.MarkRest, c.ClaimRows = time.Hour, 20*n; return k })
	first.waitForShards(allShards)
	b.append(message(b.products, "a", 1))
	b.waitUntilSent() // MarkRest begins now
	b.append(versions(b.products, "a", 2, n)...)
	first.Wake()
	end := func() int64 {
		end, err := b.kafka.Direct().EndOffset(t.Context(), b.partition(b.products, "a"))
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	kafkatest.Eventually(t, "the events are in the log", func() bool { return end() == n })
	first.crash()
	if pending := b.pending(); pending != n-1 {
		t.Fatalf("%d events are pending, want %d", pending, n-1)
	}
	b.start("b")
	b.waitUntilSent()
	if end() != n {
		t.Errorf("the log has %d records, want %d", end(), n)
	}
}

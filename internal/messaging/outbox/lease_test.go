//go:build !realkafka

package outbox

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

func TestRelaysShareTheShards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.start("first")
	first.waitForShards(allShards)
	second := b.start("second")
	first.waitForShards(allShards / 2)
	second.waitForShards(allShards / 2)
	third := b.start("third")
	for _, r := range []*runningRelay{first, second, third} {
		r.waitForShards(allShards / 3)
	}
	second.stop() // releases its shards at once
	first.waitForShards(allShards / 2)
	third.waitForShards(allShards / 2)
	third.crash() // others notice it after the time-out
	first.waitForShards(allShards)
	b.append(versions(b.products, "a", 1, 3)...)
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3)
	// The row of a dead instance may go one pass later than its leases, if it died between the two beats of a pass.
	kafkatest.Eventually(t, "only the first instance is left", func() bool {
		s, err := ReadStatus(t.Context(), b.pool)
		return err == nil && slices.Equal(s.Instances, []InstanceStatus{{Name: "first", Shards: allShards, Kafka: linkAnswers}})
	})
}

// noProduceBroker is a broker that must not get a produce request.
type noProduceBroker struct {
	Broker
	t *testing.T
}

func (u noProduceBroker) Produce(_ context.Context, batches []*broker.Batch) []broker.Result {
	u.t.Error("a request was sent that could outlive the lease")
	return make([]broker.Result, len(batches))
}

func (noProduceBroker) ProduceLimit(broker.NodeID) int { return 1 << 20 }

// TestProducesNothingThatCouldOutliveTheLease replays the second half of H13 slow renewal: the renewal is late, and a
// request that is sent now could arrive after a thief has published.
func TestProducesNothingThatCouldOutliveTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := NewRelay(b.pool, noProduceBroker{t: t}, b.config("a"), slog.New(slog.DiscardHandler))
	c := newCoordinator(r, t.Context(), uuid.New())
	l := freshLane(1)
	l.admit([]messagingdb.ClaimPendingRow{{Shard: 3, Seq: 1, Topic: "topic", Key: "a", Version: 1, Payload: []byte("x")}}, false)
	l.leaderKnown = true
	c.lanes, c.topics.of = []*lane{l}, map[string]topicCheck{"topic": {passed: true}}
	now := time.Now()
	c.deadline = now.Add(r.cfg.ProduceTimeout)
	c.produce(now)
	if l.inFlight != nil || c.workRunning != 0 {
		(<-c.outcomes)() // the broker reports an error too, which has to be before the end of the test
		t.Fatal("a batch was frozen and sent")
	}
	c.broker = &silentBroker{}
	c.deadline = now.Add(r.cfg.ProduceTimeout + time.Millisecond)
	c.produce(now)
	if l.inFlight == nil {
		t.Fatal("nothing was sent although there was enough time")
	}
	(<-c.outcomes)()
}

// TestThiefWaitsOnItsOwnClock replays the first half of H13 slow renewal. A lease can be taken over when its state has
// not changed for the whole time-out since this instance first saw that state.
func TestThiefWaitsOnItsOwnClock(t *testing.T) {
	t.Parallel()
	me, holder := uuid.New(), uuid.New()
	w := newLivenessTracker(6 * time.Second)
	start := time.Now()
	look := func(after time.Duration, epoch, beat int64) bool {
		instances := []messagingdb.ListInstancesRow{{ID: me}}
		leases := []messagingdb.ListLeasesRow{{Shard: 0, Owner: &holder, Epoch: epoch, Beat: beat}}
		w.observe(instances, leases, start.Add(after))
		return len(w.plan(me, false, instances, leases, start.Add(after)).take) == 1
	}
	for _, step := range []struct {
		after       time.Duration
		epoch, beat int64
		open        bool
	}{
		{0, 1, 100, false}, {5 * time.Second, 1, 100, false}, {5999 * time.Millisecond, 1, 100, false},
		{6 * time.Second, 1, 101, false}, {11 * time.Second, 1, 101, false}, // renewed
		{12 * time.Second, 2, 0, false}, {17 * time.Second, 2, 0, false}, // taken over by another
		{18 * time.Second, 2, 0, true},
	} {
		if got := look(step.after, step.epoch, step.beat); got != step.open {
			t.Errorf("after %v: open to take over %v, want %v", step.after, got, step.open)
		}
	}
}

// TestFairSharesAddUp: for any number of instances, the shares differ by at most one and cover all shards.
func TestFairSharesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		alive := make([]uuid.UUID, rapid.IntRange(1, 30).Draw(t, "instances"))
		for i := range alive {
			alive[i] = uuid.New()
		}
		sum := 0
		for _, me := range slices.Clone(alive) {
			share := fairShare(me, alive, event.Partitions)
			if even := event.Partitions / len(alive); share < even || share > even+1 {
				t.Fatalf("share %d of %d instances", share, len(alive))
			}
			sum += share
		}
		if sum != event.Partitions {
			t.Fatalf("the shares add up to %d", sum)
		}
	})
}

// TestZombieMarksNothing replays how a late mark could make an old version the last record of its key. A has published
// versions 1 and 2 and pauses before it marks them. B takes over. Its claim returns only version 1 (the limit is
// reached), and B sends it again. If A could now mark both rows, B would never see version 2, and compaction would keep
// version 1.
func TestZombieMarksNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 2)...)
	shard := int16(b.partition(b.products, "a").Partition)
	q, zombie, thief := messagingdb.New(b.pool), uuid.New(), uuid.New()
	l := b.takeLease(b.products, shard, zombie)
	mark := messagingdb.MarkSentParams{Owner: zombie, RowNumbers: []int32{1, 1}, Seqs: []int64{1, 2}}
	addShard(&mark, l, 0)
	// The mark begins before the transaction that takes the lease over has committed. It has to wait for that transaction.
	theft, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theft.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := messagingdb.New(theft).TakeLease(t.Context(), messagingdb.TakeLeaseParams{Topic: b.products, Shard: shard, Owner: thief, Epoch: l.epoch}); err != nil {
		t.Fatal(err)
	}
	marked := make(chan []int32, 1)
	go func() {
		ours, err := q.MarkSent(context.WithoutCancel(t.Context()), mark)
		if err != nil {
			t.Error(err)
		}
		marked <- ours
	}()
	kafkatest.Eventually(t, "the mark waits", func() bool {
		var waiting bool
		err := b.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%MarkSent%')`).Scan(&waiting)
		return err == nil && waiting
	})
	if err := theft.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ours := <-marked; len(ours) != 0 {
		t.Errorf("the zombie was told that leases %v are its own", ours)
	}
	if n := b.pending(); n != 2 {
		t.Errorf("%d events are pending, want 2", n)
	}
}

// TestEpochBeyondKafkas: when the next epoch does not fit into Kafka's int16, the shard continues with a new producer
// id.
func TestEpochBeyondKafkas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `UPDATE outbox_shard SET epoch = 32767, producer_id = 1000 + shard`); err != nil {
		t.Fatal(err)
	}
	b.append(versions(b.products, "a", 1, 3)...)
	rest := 300 * time.Millisecond
	started := time.Now()
	relay := b.start("a", func(c *Config, k Broker) Broker { c.WrapRest = rest; return k })
	b.waitUntilSent()
	if waited := time.Since(started); waited < rest {
		t.Errorf("sent after %v: batches of a relay that was paused with the old producer id may still arrive", waited)
	}
	b.wantLog(b.products, "a", 1, 2, 3)
	relay.waitForShards(allShards)
	var epoch, id int64
	err := b.pool.QueryRow(t.Context(), `SELECT max(epoch), max(producer_id) FROM outbox_lease`).Scan(&epoch, &id)
	if err != nil || epoch != 0 || id == 1011 {
		t.Errorf("epoch %d and producer id %d, want 0 and a new one (%v)", epoch, id, err)
	}
}

//go:build !realkafka

package outbox

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// An instance is silent for as long as it says itself, or longer. One of an earlier version says nothing.
func TestTheLongerTimeoutCounts(t *testing.T) {
	t.Parallel()
	me, holder, start := uuid.New(), uuid.New(), time.Now()
	for told, want := range map[time.Duration]time.Duration{0: 6 * time.Second, time.Second: 6 * time.Second, 20 * time.Second: 20 * time.Second} {
		w := newLivenessTracker(6 * time.Second)
		instances := []messagingdb.ListInstancesRow{{ID: me}, {ID: holder, LeaseMs: told.Milliseconds()}}
		leases := []messagingdb.ListLeasesRow{{Topic: "t", Owner: &holder, Epoch: 1}, {Topic: "t", Shard: 1, Owner: &holder, Epoch: 1}}
		w.observe(instances, leases, start)
		for _, after := range []time.Duration{want - time.Millisecond, want} {
			plan := w.plan(me, false, instances, leases, start.Add(after))
			if silent := after == want; (len(plan.dead) == 1) != silent || (len(plan.take) > 0) != silent {
				t.Errorf("it told %s: after %s, take %d and %d are dead", told, after, len(plan.take), len(plan.dead))
			}
		}
	}
}

// The settings of two instances differ, as while one is changed. The one with the shorter time-out takes nothing from the other,
// which renews its leases less often than that.
func TestInstancesWithOtherTimesDoNotSteal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slow := b.start("slow", func(c *Config, k Broker) Broker {
		c.LeaseTimeout, c.RenewEvery, c.ProduceTimeout = 5*time.Second, 1500*time.Millisecond, 500*time.Millisecond
		return k
	})
	quick := b.start("quick", func(c *Config, k Broker) Broker {
		c.LeaseTimeout, c.RenewEvery, c.ProduceTimeout = 500*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
		return k
	})
	slow.waitForShards(allShards / 2)
	quick.waitForShards(allShards / 2)
	const owners = `SELECT topic || shard || ' ' || owner || ' ' || epoch FROM outbox_lease ORDER BY topic, shard`
	beat := func() (n int) {
		if err := b.pool.QueryRow(t.Context(), `SELECT beat FROM outbox_instance WHERE name = 'slow'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, first := b.column(owners), beat()
	kafkatest.Eventually(t, "the slow instance renews twice", func() bool { return beat() >= first+2 })
	if after := b.column(owners); !slices.Equal(before, after) {
		t.Errorf("leases changed hands:\n%s\n%s", fmt.Sprint(before), fmt.Sprint(after))
	}
}

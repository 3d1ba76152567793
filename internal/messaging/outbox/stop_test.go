//go:build !realkafka

package outbox

import (
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestStopReleasesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a", func(c *Config, k Broker) Broker { c.MarkRest = time.Hour; return k })
	relay.waitForShards(allShards)
	b.append(versions(b.products, "a", 1, 3)...)
	relay.Wake()
	kafkatest.Eventually(t, "the events are in the log", func() bool { return len(b.log(b.products, "a")) == 3 })
	relay.stop()
	if n := b.pending(); n != 0 {
		t.Errorf("%d acknowledged events are still pending after a clean stop", n)
	}
	s, err := ReadStatus(t.Context(), b.pool)
	if err != nil {
		t.Fatal(err)
	}
	held := slices.ContainsFunc(s.Shards, func(s ShardStatus) bool { return s.Holder != "" })
	if held || len(s.Instances) != 0 {
		t.Errorf("shards %+v, instances %+v after a clean stop", s.Shards, s.Instances)
	}
}

// TestStopEndsInTime stops a relay while neither Kafka nor the database answers.
func TestStopEndsInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a", func(c *Config, k Broker) Broker { c.StopTimeout = 100 * time.Millisecond; return k })
	relay.waitForShards(allShards)
	b.kafka.Pause()
	relay.toDatabase.cut()
	relay.cancel()
	select {
	case <-relay.done:
	case <-time.After(10 * time.Second):
		t.Error("the relay did not stop")
	}
	b.kafka.Resume()
}

// TestAHaltDuringAStop: a lane that halts while the relay stops releases its lease at once. It does not wait for an
// operator.
func TestAHaltDuringAStop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a", func(c *Config, k Broker) Broker {
		c.RecheckEvery, c.StopTimeout = time.Hour, time.Minute
		c.LeaseTimeout, c.ProduceTimeout = 30*time.Second, 20*time.Second
		return k
	})
	relay.waitForShards(allShards)
	const forbidden = 29 // TOPIC_AUTHORIZATION_FAILED
	b.kafka.RefuseProduce(b.partition(b.products, "a"), forbidden, kafkatest.Forever)
	reached, release := b.kafka.Hold(kafkatest.Produce)
	b.append(message(b.products, "a", 1))
	relay.Wake()
	<-reached
	relay.cancel()
	kafkatest.Eventually(t, "the stop has begun", func() bool {
		s, err := ReadStatus(t.Context(), b.pool)
		return err == nil && len(s.Instances) == 1 && s.Instances[0].Shards == 1 // of the request in flight
	})
	release()
	select {
	case <-relay.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the relay waits for an operator")
	}
	if s, err := ReadStatus(t.Context(), b.pool); err != nil || len(s.Instances) != 0 {
		t.Errorf("instances %+v after the stop, %v", s.Instances, err)
	}
}

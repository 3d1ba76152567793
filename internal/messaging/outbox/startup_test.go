//go:build !realkafka

package outbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestStartUp(t *testing.T) {
	t.Parallel()
	halted := func(r *runningRelay, part string) func() bool {
		return func() bool {
			return slices.ContainsFunc(r.State().Halted, func(h Halt) bool { return strings.Contains(h.String(), part) })
		}
	}
	t.Run("the relay waits for a missing topic", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		missing := b.kafka.Topic("later")
		b.append(message(missing, "a", 1))
		relay := b.start("a", func(c *Config, k Broker) Broker { c.Topics = append(c.Topics, missing); return k })
		kafkatest.Eventually(t, "the relay says what is missing", halted(relay, "does not exist"))
		b.kafka.CreateTopic(t, "later", event.Partitions)
		b.waitUntilSent()
		b.wantLog(missing, "a", 1)
		kafkatest.Eventually(t, "the relay is no longer halted", func() bool { return len(relay.State().Halted) == 0 })
	})
	t.Run("another number of partitions halts the topic", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		wrong := b.kafka.CreateTopic(t, "wrong", 5)
		b.append(message(wrong, "a", 1), message(b.products, "a", 1))
		relay := b.start("a", func(c *Config, k Broker) Broker { c.Topics = append(c.Topics, wrong); return k })
		kafkatest.Eventually(t, "the relay says what is wrong", halted(relay, fmt.Sprintf("has 5 partitions instead of %d", event.Partitions)))
		kafkatest.Eventually(t, "only the event of the topic with 5 partitions is pending", func() bool { return b.pending() == 1 })
		b.wantLog(b.products, "a", 1)
	})
	t.Run("an empty database does not publish to a topic with records", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.kafka.Write(t, b.partition(b.products, "foreign"), broker.Record{Key: []byte("foreign"), Value: []byte("foreign/9"), Time: time.Now()})
		b.append(message(b.products, "a", 1))
		relay := b.start("a")
		kafkatest.Eventually(t, "the relay says what to do", halted(relay, "this database has never published"))
		relay.waitForHalt(HistoriesParted, event.Partitions) // also the shards whose logs are empty
		b.wantLog(b.products, "a")
		relay.waitForShards(event.Partitions) // of the other topic
	})
	t.Run("a second relay publishes to the same topic", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.append(message(b.products, "a", 1))
		b.start("a").b.waitUntilSent()
		next := b.start("b")
		next.waitForShards(allShards / 2)
		b.append(message(b.products, "a", 2))
		b.waitUntilSent()
		b.wantLog(b.products, "a", 1, 2)
	})
}

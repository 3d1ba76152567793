package broker_test

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// A process that is killed while it joins the group is a member by then, and never heard of again. Its share of the
// partitions has to go to those that live.
func TestAMemberThatDiesWhileJoiningIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	topic := b.CreateTopic(t, "shared", 6)
	// The first notices late that the group is shared out anew, so that the second waits in its join meanwhile.
	cfg := broker.GroupConfig{Topics: []string{topic}, HeartbeatInterval: time.Second, RebalanceTimeout: 2 * time.Second,
		HandleGrace: time.Second}
	b.consume(t, b.client, cfg, newCopies())
	has := func(n int) func() bool {
		return func() bool { return len(b.state(b.client).Partitions) == n }
	}
	kafkatest.Eventually(t, "the first has all", has(6))
	joins := b.Requests(kafkatest.JoinGroup)
	second := b.Client(t)
	stop := b.consume(t, second, cfg, newCopies())
	// It asks twice: for an id, and to join.
	kafkatest.Eventually(t, "the second waits", func() bool { return b.Requests(kafkatest.JoinGroup) >= joins+2 })
	second.Close()
	stop()
	kafkatest.Eventually(t, "the second has a share", has(3))
	kafkatest.Eventually(t, "the first has all again", has(6))
}

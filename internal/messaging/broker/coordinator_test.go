//go:build !realkafka

package broker_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// answer makes the cluster answer each request of a kind, as long as reply returns a response.
func (b *bundle) answer(t *testing.T, key kmsg.Key, reply func(kmsg.Request) kmsg.Response) {
	t.Helper()
	embedded, err := b.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	embedded.Cluster().ControlKey(key.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		embedded.Cluster().KeepControl()
		if response := reply(request); response != nil {
			return response, nil, true
		}
		return nil, nil, false
	})
}

// The coordinator of a group moves, and no broker knows where it is. A heartbeat that looks for it ends, so that the member
// notices when its session is over, and commits do not wait for it.
func TestAHeartbeatDoesNotLookForTheCoordinatorForever(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var moved atomic.Bool
	b.answer(t, kmsg.Heartbeat, func(r kmsg.Request) kmsg.Response {
		if !moved.Load() {
			return nil
		}
		response := r.ResponseKind().(*kmsg.HeartbeatResponse)
		response.ErrorCode = int16(kafka.NotCoordinatorForGroup)
		return response
	})
	b.answer(t, kmsg.FindCoordinator, func(r kmsg.Request) kmsg.Response {
		if !moved.Load() {
			return nil
		}
		response := r.ResponseKind().(*kmsg.FindCoordinatorResponse)
		response.ErrorCode = int16(kafka.GroupCoordinatorNotAvailable)
		return response
	})
	b.consume(t, b.client, broker.GroupConfig{}, newCopies())
	kafkatest.Eventually(t, "the member has joined", func() bool { return len(b.state(b.client).Partitions) == 2 })
	moved.Store(true)
	kafkatest.Eventually(t, "a heartbeat has given up", func() bool {
		return strings.Contains(b.state(b.client).LastError, "find the coordinator")
	})
	kafkatest.Eventually(t, "the generation has ended", func() bool { return !b.state(b.client).Joined })
	moved.Store(false)
	kafkatest.Eventually(t, "the member joins again", func() bool { return len(b.state(b.client).Partitions) == 2 })
}

// A broker asks again and again for a join with a member id. The member pauses between its tries.
func TestAJoinDoesNotRepeatWithoutAPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var joins atomic.Int64
	var wanting atomic.Bool
	wanting.Store(true)
	b.answer(t, kmsg.JoinGroup, func(r kmsg.Request) kmsg.Response {
		if joins.Add(1); !wanting.Load() {
			return nil
		}
		response := r.ResponseKind().(*kmsg.JoinGroupResponse)
		response.ErrorCode, response.MemberID = int16(kafka.MemberIDRequired), "another"
		return response
	})
	b.consume(t, b.client, broker.GroupConfig{}, newCopies())
	kafkatest.Eventually(t, "the state says why", func() bool { return strings.Contains(b.state(b.client).LastError, "cannot be joined") })
	if n := joins.Load(); n > 3 {
		t.Errorf("%d joins before the first pause", n)
	}
	wanting.Store(false)
	kafkatest.Eventually(t, "the member joins", func() bool { return len(b.state(b.client).Partitions) == 2 })
}

package kafkatest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestResetForgetsWhatATopicHeld(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	name := b.Topic("used")
	b.Reset(t, name) // a topic that does not exist is not an error
	for range 3 {
		b.CreateTopic(t, "used", 2)
		tp := broker.TopicPartition{Topic: name, Partition: 1}
		b.Write(t, tp, broker.Record{Key: []byte("k"), Value: []byte("v"), Time: time.Now()})
		if got := len(b.Log(t, tp)); got != 1 {
			t.Fatalf("%d records", got)
		}
		b.Reset(t, name)
		if _, err := b.Client(t).Partitions(t.Context(), name); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Fatal(err)
		}
	}
}

// The member is like that of a killed process: it sends nothing more.
func TestRemoveMembers(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = "shop", "consumer", 60_000, 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	for range 2 { // the first answer is the member's id
		joined, err := join.RequestWith(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		join.MemberID = joined.MemberID
	}
	b.RemoveMembers(t, "shop", "unknown")
	alive := kmsg.NewPtrHeartbeatRequest()
	alive.Group, alive.MemberID, alive.Generation = "shop", join.MemberID, 1
	beat, err := alive.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if beat.ErrorCode != kerr.UnknownMemberID.Code {
		t.Errorf("a heartbeat of the removed member gets error %d, want %d", beat.ErrorCode, kerr.UnknownMemberID.Code)
	}
}

func TestFaultsAreUsedUp(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	b.CreateTopic(t, "topic", 1)
	tp := broker.TopicPartition{Topic: b.Topic("topic")}
	id, err := c.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id}, 0, []broker.Record{{Key: []byte("k")}})
	if err != nil {
		t.Fatal(err)
	}
	produce := func() error { return c.Produce(t.Context(), []*broker.Batch{batch})[0].Err }

	b.RefuseProduce(tp, 7, 2)
	for range 2 {
		if produce() == nil {
			t.Error("not refused")
		}
	}
	if got := len(b.Log(t, tp)); got != 0 {
		t.Errorf("%d records were written although their batch was refused", got)
	}
	b.LoseAnswers(kafkatest.Produce, 1)
	if produce() == nil {
		t.Error("the answer was not lost")
	}
	if got := len(b.Log(t, tp)); got != 1 {
		t.Errorf("%d records", got)
	}
	b.RefuseProduce(tp, 7, kafkatest.Forever)
	for range 3 {
		if produce() == nil {
			t.Error("not refused")
		}
	}
	b.Heal()
	if err := produce(); err != nil {
		t.Error(err)
	}
	if got := b.Requests(kafkatest.Produce); got != 7 {
		t.Errorf("%d requests were counted", got)
	}
	b.Stop()
	for range 2 {
		if produce() == nil {
			t.Error("the broker is not away")
		}
	}
	b.Start()
	if err := produce(); err != nil {
		t.Error(err)
	}
	if got := len(b.Log(t, tp)); got != 1 {
		t.Errorf("%d records", got)
	}
}

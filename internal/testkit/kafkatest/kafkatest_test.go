package kafkatest_test

import (
	"errors"
	"testing"
	"time"

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

func TestPrefixedTopicsAreApart(t *testing.T) {
	t.Parallel()
	a, b := kafkatest.NewPrefixed(t), kafkatest.NewPrefixed(t)
	for _, one := range []*kafkatest.Broker{a, b} {
		if name := one.CreateTopic(t, "shop", 1); name != "shop" {
			t.Errorf("the topic is called %s", name)
		}
		one.Write(t, broker.TopicPartition{Topic: "shop"}, broker.Record{Key: []byte("k"), Value: []byte("v"), Time: time.Now()})
		if n := len(one.Log(t, broker.TopicPartition{Topic: "shop"})); n != 1 {
			t.Errorf("%d records", n)
		}
	}
	if kafkatest.Real() == (a.KafkaPrefix() == "") || kafkatest.Real() == (a.KafkaPrefix() == b.KafkaPrefix()) {
		t.Errorf("prefixes %q and %q", a.KafkaPrefix(), b.KafkaPrefix())
	}
	b.Reset(t, "shop")
	if _, err := b.Client(t).Partitions(t.Context(), "shop"); !errors.Is(err, broker.ErrUnknownTopic) {
		t.Fatal(err)
	}
	if n := len(a.Log(t, broker.TopicPartition{Topic: "shop"})); n != 1 {
		t.Errorf("%d records are left in the other topic", n)
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

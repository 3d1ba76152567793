package broker_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func prefixed(t *testing.T, b *bundle, prefix string) *broker.Client {
	t.Helper()
	c, err := broker.New(broker.Config{Brokers: []string{b.Addr}, Prefix: b.Topic(prefix)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Two environments use the same names of topics and groups in one cluster.
func TestPrefixKeepsEnvironmentsApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tp := broker.TopicPartition{Topic: "orders"}
	for _, prefix := range []string{"staging-", "test-"} {
		c := prefixed(t, b, prefix)
		if _, err := c.TopicID(t.Context(), tp.Topic); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Fatalf("%s: before its creation: %v", prefix, err)
		}
		spec := broker.TopicSpec{Name: tp.Topic, Partitions: 1}
		if err := c.EnsureTopic(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		if err := c.EnsureTopic(t.Context(), broker.TopicSpec{Name: tp.Topic, Partitions: 5}); err == nil ||
			!strings.Contains(err.Error(), "topic "+b.Topic(prefix)+"orders: partitions is 1") {
			t.Errorf("%s: %v", prefix, err)
		}
		batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: b.id}, 0,
			[]broker.Record{{Key: []byte("k"), Value: []byte(prefix), Time: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		kafkatest.Eventually(t, "it is written", func() bool { return c.Produce(t.Context(), []*broker.Batch{batch})[0].Err == nil })
		db := newCopies()
		stop := b.consume(t, c, broker.GroupConfig{GroupID: "shop", Topics: []string{tp.Topic}}, db)
		kafkatest.Eventually(t, "it is applied", func() bool { return db.count() == 1 })
		if s, ok := c.GroupState("shop"); !ok || len(s.Partitions) != 1 || s.Partitions[0].TopicPartition != tp {
			t.Errorf("%s: the group's state is %+v", prefix, s)
		}
		stop()
		if got := db.values(tp); !slices.Equal(got, []string{prefix}) {
			t.Errorf("%s: applied %q", prefix, got)
		}
		if id, err := c.TopicID(t.Context(), tp.Topic); err != nil || db.stored(tp) != (broker.Position{Offset: 1, TopicID: id}) {
			t.Errorf("%s: position %v, topic %s, %v", prefix, db.stored(tp), id, err)
		}
		if end, err := c.EndOffset(t.Context(), tp); err != nil || end != 1 {
			t.Errorf("%s: the log's end is %d, %v", prefix, end, err)
		}
		full := b.Topic(prefix) + "orders"
		response, err := foreign(t, b).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: b.Topic(prefix) + "shop",
			Topics: map[string][]int{full: {0}}})
		if err != nil || len(response.Topics[full]) != 1 || response.Topics[full][0].CommittedOffset != 1 {
			t.Errorf("%s: lag tools see %+v, %v", prefix, response, err)
		}
	}
}

func TestPrefixOfIllegalCharacters(t *testing.T) {
	t.Parallel()
	for prefix, legal := range map[string]bool{"": true, "staging-": true, "a.b_C9": true, "a b": false, "ä": false, "a/": false,
		strings.Repeat("x", 100): true, strings.Repeat("x", 101): false} {
		_, err := broker.New(broker.Config{Brokers: []string{"localhost:9092"}, Prefix: prefix}, slog.New(slog.DiscardHandler))
		if (err == nil) != legal || (broker.CheckPrefix(prefix) == nil) != legal {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

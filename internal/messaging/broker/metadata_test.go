package broker_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// One goroutine asks for the layout while another one expires it, as a generation's awaitTopicChange and its fetch loops do
// when Kafka goes away. The race detector checks this test.
func TestLayoutIsForgottenWhileItIsAskedFor(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	topic := b.CreateTopic(t, "forgotten", 1)
	c, err := broker.New(broker.Config{Brokers: []string{b.Addr}, MetadataTTL: time.Nanosecond}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	const times = 200
	var both sync.WaitGroup
	both.Go(func() {
		for range times {
			if n, err := c.Partitions(t.Context(), topic); n != 1 || err != nil {
				t.Errorf("%d partitions, %v", n, err)
				return
			}
		}
	})
	both.Go(func() {
		for range times {
			if _, err := c.StartOffset(t.Context(), broker.TopicPartition{Topic: topic, Partition: 1}); err == nil {
				t.Error("a partition that does not exist has an offset")
				return
			} else if errors.Is(err, broker.ErrUnknownTopic) {
				t.Error(err)
				return
			}
		}
	})
	both.Wait()
}

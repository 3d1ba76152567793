//go:build pact

package pact

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// Delivery is a record on its way from Kafka into a service.
type Delivery struct {
	tp     broker.TopicPartition
	record broker.Record
}

func newDelivery(topic, key, id string, value []byte) Delivery {
	return Delivery{
		tp: broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)},
		record: broker.Record{
			Key: []byte(key), Value: value, Time: time.Now(),
			Headers: []broker.Header{
				{Key: event.HeaderContentType, Value: []byte(event.ContentType)}, {Key: event.HeaderID, Value: []byte(id)},
			},
		},
	}
}

// NewDelivery returns a message of another service that a test needs before an interaction. It is in no contract. The id of
// the message may be empty.
func NewDelivery(topic string, e event.Event) (Delivery, error) {
	e.ID, e.Source = cmp.Or(e.ID, "0198c0de-0000-7000-8000-000000000000"), "/other"
	value, err := json.Marshal(e)
	return newDelivery(topic, e.Subject, e.ID, value), err
}

// To gives the record to the service's consumer, with its offset, as the broker's client would.
func (d Delivery) To(ctx context.Context, consumer broker.PartitionHandler) error {
	at, err := consumer.Position(ctx, d.tp, broker.LogStart{})
	if err != nil {
		return err
	}
	return consumer.Handle(ctx, d.tp, at.Offset, broker.At(at.Offset+1), []broker.Fetched{{Record: d.record, Offset: at.Offset}})
}

// Published is a record that was read from Kafka.
type Published struct {
	Topic  string
	Record broker.Fetched
}

// Announced makes a change and returns the record that the relay then writes to one of the topics. The change must have
// exactly one event, and no other event may be pending.
func Announced(ctx context.Context, kafka *kafkatest.Broker, topics []string, change func() error) (Published, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := until(ctx, "the topics exist", func() (map[broker.TopicPartition]int64, bool) {
		ends, err := ends(ctx, kafka, topics)
		return ends, err == nil
	})
	if err != nil {
		return Published{}, err
	}
	if err := change(); err != nil {
		return Published{}, err
	}
	grown, err := until(ctx, "the change is announced", func() ([]broker.TopicPartition, bool) {
		now, err := ends(ctx, kafka, topics)
		var grown []broker.TopicPartition
		for tp, end := range now {
			if err == nil && end > before[tp] {
				grown = append(grown, tp)
			}
		}
		return grown, len(grown) > 0
	})
	if err != nil {
		return Published{}, err
	}
	at := grown[0]
	records, _, _, err := kafka.Direct().Read(ctx, at, before[at])
	if err != nil {
		return Published{}, fmt.Errorf("read %s: %w", at, err)
	}
	if len(grown) != 1 || len(records) != 1 {
		return Published{}, fmt.Errorf("%d records were written to the first of %v, want one to one", len(records), grown)
	}
	return Published{Topic: at.Topic, Record: records[0]}, nil
}

// ends holds the end of each partition's log.
func ends(ctx context.Context, kafka *kafkatest.Broker, topics []string) (map[broker.TopicPartition]int64, error) {
	ends := map[broker.TopicPartition]int64{}
	for _, topic := range topics {
		for n := range event.Partitions {
			tp := broker.TopicPartition{Topic: topic, Partition: n}
			end, err := kafka.Direct().EndOffset(ctx, tp)
			if err != nil {
				return nil, err
			}
			ends[tp] = end
		}
	}
	return ends, nil
}

// until polls a condition. Unlike kafkatest.Eventually it returns an error, because handlers run outside the test's
// goroutine.
func until[T any](ctx context.Context, what string, ask func() (T, bool)) (T, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, ok := ask(); ok {
			return answer, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			var none T
			return none, fmt.Errorf("timed out waiting until %s", what)
		}
	}
}

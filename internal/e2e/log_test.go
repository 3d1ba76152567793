package e2e

import (
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// readLog returns the versions of each key in the order of the log.
func (s *system) readLog(topic string) map[string][]int64 {
	s.t.Helper()
	versions := map[string][]int64{}
	for partition := range event.Partitions {
		for _, record := range s.kafka.Log(s.t, broker.TopicPartition{Topic: topic, Partition: partition}) {
			e, err := event.Decode(record.Value)
			if err != nil {
				s.t.Fatalf("offset %d of %s-%d: %v", record.Offset, topic, partition, err)
			}
			versions[string(record.Key)] = append(versions[string(record.Key)], e.Version)
		}
	}
	return versions
}

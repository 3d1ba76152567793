package e2e

import (
	"fmt"
	"slices"
	"strings"

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

// checkTopic reads a whole topic. owned has the key and the highest version of each aggregate. If repeated versions are ignored,
// the versions of each aggregate must be in order and without a gap, and the last record must have the highest version.
func (s *system) checkTopic(topic string, owned []string) {
	s.t.Helper()
	want := map[string]string{}
	for _, row := range owned {
		key, version, _ := strings.Cut(row, " ")
		want[key] = version
	}
	for key, versions := range s.readLog(topic) {
		var next int64 = 1
		for _, v := range versions {
			if v > next {
				s.t.Fatalf("%s, %s: version %d before %d: %v", topic, key, v, next, versions)
			}
			if v == next {
				next++
			}
		}
		if highest := slices.Max(versions); versions[len(versions)-1] != highest {
			s.t.Fatalf("%s, %s: the last record is not the highest version: %v", topic, key, versions)
		} else if fmt.Sprint(highest) != want[key] {
			s.t.Fatalf("%s, %s: version %d in the log, %s in the database", topic, key, highest, want[key])
		}
		delete(want, key)
	}
	if len(want) > 0 {
		s.t.Fatalf("%s: %d aggregates are not in the log: %v", topic, len(want), want)
	}
}

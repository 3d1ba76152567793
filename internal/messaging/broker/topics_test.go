package broker_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestEnsureTopicCreatesAndThenAgrees(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retention time.Duration
		settings  map[string]string
	}{
		"events": {0, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "604800000"}},
		"queue": {38 * 24 * time.Hour, map[string]string{
			"cleanup.policy": "delete", "retention.ms": "3283200000", "retention.bytes": "-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := kafkatest.New(t)
			client := b.Client(t)
			spec := broker.TopicSpec{
				Name: b.Topic("new"), Partitions: 12, ReplicationFactor: 1, MinInSyncReplicas: 1, Retention: c.retention}
			for range 3 {
				if err := client.EnsureTopic(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := client.Partitions(t.Context(), spec.Name); err != nil || n != 12 {
				t.Errorf("%d partitions, %v", n, err)
			}
			want := map[string]string{"unclean.leader.election.enable": "false", "min.insync.replicas": "1"}
			maps.Copy(want, c.settings)
			if got := settingsOf(t, b, spec.Name, slices.Collect(maps.Keys(want))); !maps.Equal(got, want) {
				t.Errorf("the topic has the settings %v, want %v", got, want)
			}
		})
	}
}

// settingsOf asks the broker for settings of a topic.
func settingsOf(t *testing.T, b *kafkatest.Broker, topic string, names []string) map[string]string {
	t.Helper()
	r, err := foreign(t, &bundle{Broker: b}).DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: names}}})
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, e := range r.Resources[0].ConfigEntries {
		settings[e.ConfigName] = e.ConfigValue
	}
	return settings
}

func TestEnsureTopicAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	spec := broker.TopicSpec{Name: b.Topic("new"), Partitions: 3}
	errs := make(chan error)
	for range 4 {
		c := b.Client(t)
		go func() { errs <- c.EnsureTopic(t.Context(), spec) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestEnsureTopicNamesEveryMismatch(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	name := b.Topic("old")
	create(t, b, name, 5, map[string]string{
		"cleanup.policy": "delete", "max.message.bytes": "1000", "min.compaction.lag.ms": "0"})
	err := c.EnsureTopic(t.Context(), broker.TopicSpec{Name: name, Partitions: 12, ReplicationFactor: 3, MinInSyncReplicas: 2})
	want := map[string]string{"partitions": "5", "replication factor": "1", "cleanup.policy": "delete",
		"max.message.bytes": "1000", "min.compaction.lag.ms": "0", "min.insync.replicas": "1"}
	for _, e := range mismatches(err) {
		if have, ok := want[e.Setting]; !ok || have != e.Have || e.Topic != name || !strings.HasSuffix(e.Advice, ".") {
			t.Errorf("unexpected: %+v", e)
		}
		delete(want, e.Setting)
	}
	if len(want) > 0 {
		t.Errorf("not named: %v in %v", want, err)
	}
	if _, ok := errors.AsType[*broker.TopicMismatchError](err); !ok {
		t.Error("errors.As finds no mismatch")
	}
}

// A topic that is gone is not created again: its events are lost, and an operator has to know.
func TestCheckTopicCreatesNothing(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	spec := broker.TopicSpec{Name: b.Topic("checked"), Partitions: 3}
	for range 2 {
		if err := c.CheckTopic(t.Context(), spec); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Fatalf("a missing topic: %v", err)
		}
	}
	if err := c.EnsureTopic(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckTopic(t.Context(), spec); err != nil {
		t.Error(err)
	}
	spec.Retention = time.Hour
	if found := mismatches(c.CheckTopic(t.Context(), spec)); len(found) == 0 || found[0].Setting != "cleanup.policy" {
		t.Errorf("found %v", found)
	}
}

// create creates a topic as an operator would, without the client.
func create(t *testing.T, b *kafkatest.Broker, topic string, partitions int, settings map[string]string) {
	t.Helper()
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}
	for name, value := range settings {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	created, err := foreign(t, &bundle{Broker: b}).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	if err != nil || created.Errors[topic] != nil {
		t.Fatal(err, created)
	}
}

// A queue may keep its messages for longer than asked, or forever. It must not lose one earlier.
func TestEnsureTopicChecksTheRetentionOfAQueue(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	for name, tt := range map[string]struct {
		settings map[string]string
		faults   []string
	}{
		"as asked":      {map[string]string{"retention.ms": "3600000"}, nil},
		"longer":        {map[string]string{"retention.ms": "3600001"}, nil},
		"forever":       {map[string]string{"retention.ms": "-1"}, nil},
		"shorter":       {map[string]string{"retention.ms": "3599999"}, []string{"retention.ms"}},
		"by size":       {map[string]string{"retention.ms": "-1", "retention.bytes": "1000000"}, []string{"retention.bytes"}},
		"compacted":     {map[string]string{"retention.ms": "-1", "cleanup.policy": "compact"}, []string{"cleanup.policy"}},
		"compacted too": {map[string]string{"retention.ms": "-1", "cleanup.policy": "compact,delete"}, []string{"cleanup.policy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := broker.TopicSpec{Name: b.Topic(strings.ReplaceAll(name, " ", "-")), Partitions: 1, Retention: time.Hour}
			create(t, b, spec.Name, 1, tt.settings)
			var faults []string
			for _, e := range mismatches(c.EnsureTopic(t.Context(), spec)) {
				faults = append(faults, e.Setting)
				if e.Have != tt.settings[e.Setting] || !strings.HasSuffix(e.Advice, ".") {
					t.Errorf("unexpected: %+v", e)
				}
			}
			if !slices.Equal(faults, tt.faults) {
				t.Errorf("faults %v, want %v", faults, tt.faults)
			}
		})
	}
}

func mismatches(err error) (out []*broker.TopicMismatchError) {
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case *broker.TopicMismatchError:
		out = append(out, e)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			out = append(out, mismatches(inner)...)
		}
	}
	return out
}

func TestEnsureTopicThatCannotBeMade(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	err := c.EnsureTopic(t.Context(), broker.TopicSpec{Name: b.Topic("none"), Partitions: 0})
	if !errors.Is(err, kafka.InvalidPartitionNumber) {
		t.Errorf("a topic without partitions: %v", err)
	}
	err = c.EnsureTopic(t.Context(), broker.TopicSpec{Name: b.Topic("many"), Partitions: 1, ReplicationFactor: 3})
	if !errors.Is(err, kafka.InvalidReplicationFactor) || !strings.Contains(err.Error(), "fewer brokers than the wanted 3 replicas") {
		t.Errorf("more replicas than brokers: %v", err)
	}
}

func TestUnknownTopicIsReportedAndNotCreated(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	tp := broker.TopicPartition{Topic: b.Topic("unknown")}
	for range 2 {
		if _, err := c.Partitions(t.Context(), tp.Topic); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Error(err)
		}
		if _, err := c.Leader(t.Context(), tp); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Error(err)
		}
		if _, err := c.EndOffset(t.Context(), tp); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Error(err)
		}
		if _, _, _, err := c.Read(t.Context(), tp, 0); !errors.Is(err, broker.ErrUnknownTopic) {
			t.Error(err)
		}
	}
	r, err := foreign(t, &bundle{Broker: b}).Metadata(t.Context(), &kafka.MetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range r.Topics {
		if topic.Name == tp.Topic {
			t.Error("it was created")
		}
	}
}

func TestOffsetsOfALog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 1, "1", "2", "3")
	for partition, want := range map[int]int64{0: 0, 1: 3} {
		start, err1 := b.client.StartOffset(t.Context(), b.tp(partition))
		end, err2 := b.client.EndOffset(t.Context(), b.tp(partition))
		if err := errors.Join(err1, err2); err != nil || start != 0 || end != want {
			t.Errorf("partition %d: %d to %d, %v", partition, start, end, err)
		}
	}
	if _, err := b.client.EndOffset(t.Context(), b.tp(7)); err == nil {
		t.Error("a partition that is not there has an end")
	}
	if _, _, _, err := b.client.Read(t.Context(), b.tp(1), 99); !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Errorf("read beyond the end: %v", err)
	}
}

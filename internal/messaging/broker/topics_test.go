package broker_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestEnsureTopicCreatesAndThenAgrees(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t)
	c := b.Client(t)
	spec := broker.TopicSpec{Name: b.Topic("new"), Partitions: 12, ReplicationFactor: 1, MinInSyncReplicas: 1}
	for range 3 {
		if err := c.EnsureTopic(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.Partitions(t.Context(), spec.Name); err != nil || n != 12 {
		t.Errorf("%d partitions, %v", n, err)
	}
	settings := map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "604800000",
		"unclean.leader.election.enable": "false", "min.insync.replicas": "1"}
	r, err := foreign(t, &bundle{Broker: b}).DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: spec.Name,
			ConfigNames: slices.Collect(maps.Keys(settings))}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Resources[0].ConfigEntries {
		if settings[e.ConfigName] != e.ConfigValue {
			t.Errorf("%s is %s", e.ConfigName, e.ConfigValue)
		}
		delete(settings, e.ConfigName)
	}
	if len(settings) > 0 {
		t.Errorf("not set: %v", settings)
	}
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
	client := foreign(t, &bundle{Broker: b})
	created, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: 5, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{
			{ConfigName: "cleanup.policy", ConfigValue: "delete"}, {ConfigName: "max.message.bytes", ConfigValue: "1000"},
			{ConfigName: "min.compaction.lag.ms", ConfigValue: "0"}}}}})
	if err != nil || created.Errors[name] != nil {
		t.Fatal(err, created)
	}
	err = c.EnsureTopic(t.Context(), broker.TopicSpec{Name: name, Partitions: 12, ReplicationFactor: 3, MinInSyncReplicas: 2})
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

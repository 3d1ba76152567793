package kafkatest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Reset deletes topics, and returns when they no longer exist.
func (b *Broker) Reset(t testing.TB, topics ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	client := b.admin(t)
	for _, topic := range topics {
		Eventually(t, topic+" is gone", func() bool {
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.TimeoutMillis = 10_000
			one := kmsg.NewDeleteTopicsRequestTopic()
			one.Topic = kmsg.StringPtr(b.wire + topic)
			req.Topics, req.TopicNames = []kmsg.DeleteTopicsRequestTopic{one}, []string{b.wire + topic}
			resp, err := req.RequestWith(ctx, client)
			return err == nil && len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code
		})
		// The brokers learn of it later than the controller. Until then, the topic's owner would believe that it exists.
		Eventually(t, topic+" is forgotten", func() bool {
			req := kmsg.NewPtrMetadataRequest()
			one := kmsg.NewMetadataRequestTopic()
			one.Topic = kmsg.StringPtr(b.wire + topic)
			req.Topics = []kmsg.MetadataRequestTopic{one}
			resp, err := req.RequestWith(ctx, client)
			return err == nil && len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code
		})
	}
}

// DeleteRecords deletes the records of a partition before an offset, as a short retention does. Kafka refuses it for a topic
// that is only compacted, so the topic's policy is another one meanwhile.
func (b *Broker) DeleteRecords(t testing.TB, tp broker.TopicPartition, before int64) {
	t.Helper()
	b.setCleanupPolicy(t, tp.Topic, "compact,delete")
	defer b.setCleanupPolicy(t, tp.Topic, "compact")
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = 10_000
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = b.wire + tp.Topic
	partition := kmsg.NewDeleteRecordsRequestTopicPartition()
	partition.Partition, partition.Offset = int32(tp.Partition), before
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	client := b.admin(t)
	Eventually(t, tp.String()+" begins later", func() bool { // the broker may learn of the policy late
		for _, shard := range client.RequestSharded(t.Context(), request) {
			if shard.Err != nil {
				t.Fatal(shard.Err)
			}
		}
		start, err := b.direct.StartOffset(t.Context(), tp)
		return err == nil && start == before
	})
}

func (b *Broker) setCleanupPolicy(t testing.TB, topic, policy string) {
	t.Helper()
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, b.wire+topic
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "cleanup.policy", &policy
	resource.Configs = append(resource.Configs, config)
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(t.Context(), b.admin(t))
	if err != nil || len(response.Resources) != 1 || response.Resources[0].ErrorCode != 0 {
		t.Fatalf("set the clean-up policy of %s: %+v, %v", topic, response, err)
	}
}

// deleteTopics deletes all topics whose names begin with the prefix. It does not wait until they are gone.
func deleteTopics(t testing.TB, client *kgo.Client, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	list := kmsg.NewPtrMetadataRequest() // of all topics
	layout, err := list.RequestWith(ctx, client)
	if err != nil {
		t.Errorf("list the topics: %v", err)
		return
	}
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = 10_000
	for _, topic := range layout.Topics {
		if topic.Topic != nil && strings.HasPrefix(*topic.Topic, prefix) {
			one := kmsg.NewDeleteTopicsRequestTopic()
			one.Topic = topic.Topic
			request.Topics, request.TopicNames = append(request.Topics, one), append(request.TopicNames, *topic.Topic)
		}
	}
	if len(request.Topics) == 0 {
		return
	}
	if _, err := request.RequestWith(ctx, client); err != nil {
		t.Errorf("delete the topics of the test: %v", err)
	}
}

// admin returns a client for requests that broker.Client does not have. The end of the test closes it.
func (b *Broker) admin(t testing.TB) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.upstream))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reset deletes topics whose names a test cannot choose, and returns when they no longer exist. On a real cluster, tests
// that call it must not run at the same time.
func (b *Broker) Reset(t testing.TB, topics ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.upstream))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, topic := range topics {
		Eventually(t, topic+" is gone", func() bool {
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.TimeoutMillis = 10_000
			one := kmsg.NewDeleteTopicsRequestTopic()
			one.Topic = kmsg.StringPtr(topic)
			req.Topics, req.TopicNames = []kmsg.DeleteTopicsRequestTopic{one}, []string{topic}
			resp, err := req.RequestWith(ctx, client)
			return err == nil && len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code
		})
	}
}

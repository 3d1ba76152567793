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
	client := b.admin(t)
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
		// The brokers learn of it later than the controller. Until then, the topic's owner would believe that it exists.
		Eventually(t, topic+" is forgotten", func() bool {
			req := kmsg.NewPtrMetadataRequest()
			one := kmsg.NewMetadataRequestTopic()
			one.Topic = kmsg.StringPtr(topic)
			req.Topics = []kmsg.MetadataRequestTopic{one}
			resp, err := req.RequestWith(ctx, client)
			return err == nil && len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == kerr.UnknownTopicOrPartition.Code
		})
	}
}

// RemoveMembers removes all members of consumer groups. On a real cluster, the members of killed processes remain until their
// session times out, and a new member has to wait for that.
func (b *Broker) RemoveMembers(t testing.TB, groups ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	client := b.admin(t)
	for _, group := range groups {
		Eventually(t, "group "+group+" has no members", func() bool {
			describe := kmsg.NewPtrDescribeGroupsRequest()
			describe.Groups = []string{group}
			described, err := describe.RequestWith(ctx, client) // fails while a new cluster has no coordinator
			if err != nil {
				return false
			}
			leave := kmsg.NewPtrLeaveGroupRequest()
			leave.Group = group
			for _, member := range described.Groups[0].Members {
				one := kmsg.NewLeaveGroupRequestMember()
				one.MemberID = member.MemberID
				leave.Members = append(leave.Members, one)
			}
			if len(leave.Members) > 0 {
				_, _ = leave.RequestWith(ctx, client) // the next description tells whether it worked
			}
			return len(leave.Members) == 0
		})
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

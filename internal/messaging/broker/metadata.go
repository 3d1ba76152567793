package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrUnknownTopic reports that a topic does not exist.
var ErrUnknownTopic = errors.New("no such topic")

// ErrNoLeader reports that no broker accepts writes for a partition at the moment.
var ErrNoLeader = errors.New("no broker leads the partition at the moment")

// clusterLayout is the cached layout of the cluster. It does not contain missing topics, so they are asked for each time.
type clusterLayout struct {
	addresses  map[NodeID]string
	controller NodeID
	topics     map[string]topicLayout
	source     string // the address of the broker that told it
}

type topicLayout struct {
	learnedAt time.Time // when the question was sent
	id        TopicID
	leaders   []NodeID // by partition; noLeader if it has none
	epochs    []int32  // by partition: the leader epoch; unknownEpoch if the broker does not tell it
	replicas  []int    // by partition: their number
}

const noLeader NodeID = -1

// leaderWait is the age from which a layout that lacks a leader is asked for again.
const leaderWait = 50 * time.Millisecond

// topicLayout returns the layout of a topic. It waits for the cluster if there is no layout that is younger than MetadataTTL
// and has not expired. A layout of half that age is still returned at once, and asked for again in the background.
func (c *Client) topicLayout(ctx context.Context, topic string) (topicLayout, error) {
	begun := time.Now()
	for {
		layout, r := c.cachedLayout(topic)
		if r == nil {
			return layout, nil
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return topicLayout{}, fmt.Errorf("wait for the layout of topic %s: %w", c.wireName(topic), ctx.Err())
		}
		if r.answers(topic, begun) {
			return r.layout(topic)
		}
	}
}

// cachedLayout returns the layout of a topic if it may be used, or else the refresh to wait for.
func (c *Client) cachedLayout(topic string) (topicLayout, *refresh) {
	c.mu.Lock()
	defer c.mu.Unlock()
	layout, known := c.cluster.topics[topic]
	age := time.Since(layout.learnedAt)
	if !known || age >= c.cfg.MetadataTTL || layout.learnedAt.Before(c.expired[topic]) {
		return topicLayout{}, c.startRefresh(topic)
	}
	if age >= c.cfg.MetadataTTL/2 || age >= leaderWait && slices.Contains(layout.leaders, noLeader) {
		c.startRefresh(topic)
	}
	return layout, nil
}

// expireLayout makes the next call of topicLayout wait for the cluster.
func (c *Client) expireLayout(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired[topic] = time.Now()
}

// distrustLayout is expireLayout for a layout that seems to be wrong. The broker that told it is asked last.
func (c *Client) distrustLayout(topic string) {
	c.expireLayout(topic)
	c.mu.Lock()
	source := c.cluster.source
	c.mu.Unlock()
	c.order.putLast(source)
}

func newTopicLayout(t kmsg.MetadataResponseTopic, learnedAt time.Time) topicLayout {
	layout := topicLayout{learnedAt: learnedAt, id: t.TopicID, leaders: slices.Repeat([]NodeID{noLeader}, len(t.Partitions)),
		epochs: slices.Repeat([]int32{unknownEpoch}, len(t.Partitions)), replicas: make([]int, len(t.Partitions))}
	for _, p := range t.Partitions {
		if i := int(p.Partition); i < len(layout.leaders) {
			layout.replicas[i], layout.epochs[i] = len(p.Replicas), p.LeaderEpoch
			if p.ErrorCode == 0 || kafka.Error(p.ErrorCode) == kafka.ReplicaNotAvailable {
				layout.leaders[i] = NodeID(p.Leader)
			}
		}
	}
	return layout
}

func (c *Client) address(node NodeID) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if address, ok := c.cluster.addresses[node]; ok {
		return address, nil
	}
	return "", fmt.Errorf("broker %d is not in the cluster", node)
}

// Leader returns the broker that accepts writes for the partition. It may come from the cache. After Produce has failed
// with NotWritten or Resend, the cluster is asked again.
func (c *Client) Leader(ctx context.Context, tp TopicPartition) (NodeID, error) {
	layout, err := c.topicLayout(ctx, tp.Topic)
	if err != nil {
		return noLeader, err
	}
	if tp.Partition < 0 || tp.Partition >= len(layout.leaders) {
		return noLeader, fmt.Errorf("%s: the topic has %d partitions", tp, len(layout.leaders))
	}
	if layout.leaders[tp.Partition] == noLeader {
		return noLeader, fmt.Errorf("%s: %w", tp, ErrNoLeader)
	}
	return layout.leaders[tp.Partition], nil
}

// Partitions returns the number of partitions of a topic, or ErrUnknownTopic. It never creates the topic.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	layout, err := c.topicLayout(ctx, topic)
	return len(layout.leaders), err
}

// askAnyBroker sends a request that every broker can answer to one broker after the other, until one answers. It returns
// the address of that one.
func (c *Client) askAnyBroker(ctx context.Context, request protocol.Message) (answer protocol.Message, source string, err error) {
	err = c.tryBrokers(ctx, func(ctx context.Context, address string) error {
		source = address
		answer, err = c.conns.roundTripTwice(ctx, address, request)
		return err
	})
	return answer, source, err
}

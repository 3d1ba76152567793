package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// ErrUnknownTopic says that a topic does not exist.
var ErrUnknownTopic = errors.New("no such topic")

// ErrNoLeader says that no broker takes writes for a partition at the moment.
var ErrNoLeader = errors.New("no broker leads the partition at the moment")

// cluster is what was last heard of the cluster. A topic that does not exist is not kept: it is asked for each time.
type cluster struct {
	addresses  map[NodeID]string
	controller NodeID
	topics     map[string]topicLayout
}

type topicLayout struct {
	heard    time.Time
	leaders  []NodeID // by partition; noLeader where there is none
	replicas []int    // by partition: how many
}

const noLeader NodeID = -1

// layout returns what is known of a topic, asking the cluster if that is older than the configured age.
func (c *Client) layout(ctx context.Context, topic string) (topicLayout, error) {
	if known, ok := c.known(topic); ok {
		return known, nil
	}
	select { // one question at a time; who waited finds the answer there
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return topicLayout{}, ctx.Err()
	}
	if known, ok := c.known(topic); ok {
		return known, nil
	}
	return c.askLayout(ctx, topic)
}

func (c *Client) known(topic string) (topicLayout, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.cluster.topics[topic]
	return t, ok && time.Since(t.heard) < c.cfg.MetadataTTL
}

// askLayout asks for a topic and all those known, so that they grow old together.
func (c *Client) askLayout(ctx context.Context, topic string) (topicLayout, error) {
	names := []string{topic}
	c.mu.Lock()
	for name := range c.cluster.topics {
		if name != topic {
			names = append(names, name)
		}
	}
	c.mu.Unlock()
	// AllowAutoTopicCreation stays false: only an owner makes a topic, and never by a question.
	answer, err := c.any(ctx, &metadata.Request{TopicNames: names})
	if err != nil {
		return topicLayout{}, fmt.Errorf("ask Kafka for topics: %w", err)
	}
	response := answer.(*metadata.Response)
	heard := time.Now()
	next := cluster{addresses: map[NodeID]string{}, controller: NodeID(response.ControllerID), topics: map[string]topicLayout{}}
	for _, b := range response.Brokers {
		next.addresses[NodeID(b.NodeID)] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	err = fmt.Errorf("topic %s: %w", topic, ErrUnknownTopic)
	for _, t := range response.Topics {
		switch code := kafka.Error(t.ErrorCode); {
		case code == 0:
			next.topics[t.Name] = newTopicLayout(t, heard)
		case t.Name != topic || code == kafka.UnknownTopicOrPartition:
		default:
			err = fmt.Errorf("topic %s: %w", topic, code)
		}
	}
	asked, ok := next.topics[topic] // before it is shared: after that forget may write to it
	c.mu.Lock()
	c.cluster = next
	c.mu.Unlock()
	if !ok {
		return topicLayout{}, err
	}
	return asked, nil
}

func newTopicLayout(t metadata.ResponseTopic, heard time.Time) topicLayout {
	layout := topicLayout{heard: heard, leaders: slices.Repeat([]NodeID{noLeader}, len(t.Partitions)),
		replicas: make([]int, len(t.Partitions))}
	for _, p := range t.Partitions {
		if i := int(p.PartitionIndex); i < len(layout.leaders) {
			layout.replicas[i] = len(p.ReplicaNodes)
			if p.ErrorCode == 0 || kafka.Error(p.ErrorCode) == kafka.ReplicaNotAvailable {
				layout.leaders[i] = NodeID(p.LeaderID)
			}
			if layout.leaders[i] == noLeader {
				layout.heard = time.Time{} // ask again next time
			}
		}
	}
	return layout
}

// forget makes the next question about the topic go to the cluster.
func (c *Client) forget(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.cluster.topics[topic]; ok {
		t.heard = time.Time{}
		c.cluster.topics[topic] = t
	}
}

func (c *Client) address(node NodeID) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if address, ok := c.cluster.addresses[node]; ok {
		return address, nil
	}
	return "", fmt.Errorf("broker %d is not in the cluster", node)
}

// Leader returns the broker that takes writes for the partition, as last heard. After a NotWritten or an ambiguous
// error of Produce the cluster is asked again.
func (c *Client) Leader(ctx context.Context, tp TopicPartition) (NodeID, error) {
	layout, err := c.layout(ctx, tp.Topic)
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

// Partitions returns how many partitions a topic has, or ErrUnknownTopic. It never creates one.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	layout, err := c.layout(ctx, topic)
	return len(layout.leaders), err
}

// any sends a request that every broker can answer to the first that does.
func (c *Client) any(ctx context.Context, request protocol.Message) (protocol.Message, error) {
	addresses := c.bootstrap()
	var failures []error
	for _, address := range addresses {
		// A share of the time for each: a broker that hangs must not keep us from the next.
		each, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout/time.Duration(len(addresses)))
		answer, err := c.conns.retry(each, address, request)
		cancel()
		if err == nil {
			return answer, nil
		}
		if failures = append(failures, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// bootstrap lists the configured addresses, and after them those learned: all that were configured may be gone.
func (c *Client) bootstrap() []string {
	addresses := slices.Clone(c.cfg.Brokers)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, address := range c.cluster.addresses {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

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
}

type topicLayout struct {
	learnedAt time.Time
	id        TopicID
	leaders   []NodeID // by partition; noLeader if it has none
	epochs    []int32  // by partition: the leader epoch; unknownEpoch if the broker does not tell it
	replicas  []int    // by partition: their number
}

const noLeader NodeID = -1

// topicLayout returns the layout of a topic. It asks the cluster if the cached layout is older than MetadataTTL.
func (c *Client) topicLayout(ctx context.Context, topic string) (topicLayout, error) {
	if layout, ok := c.cachedLayout(topic); ok {
		return layout, nil
	}
	select { // one request at a time; goroutines that waited find its result in the cache
	case c.refreshing <- struct{}{}:
		defer func() { <-c.refreshing }()
	case <-ctx.Done():
		return topicLayout{}, ctx.Err()
	}
	if layout, ok := c.cachedLayout(topic); ok {
		return layout, nil
	}
	return c.refreshLayout(ctx, topic)
}

func (c *Client) cachedLayout(topic string) (topicLayout, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.cluster.topics[topic]
	return t, ok && time.Since(t.learnedAt) < c.cfg.MetadataTTL
}

// refreshLayout asks the cluster for a topic and for all cached topics, so that all layouts have the same age.
func (c *Client) refreshLayout(ctx context.Context, topic string) (topicLayout, error) {
	names := []string{topic}
	c.mu.Lock()
	for name := range c.cluster.topics {
		if name != topic {
			names = append(names, name)
		}
	}
	c.mu.Unlock()
	response, err := c.askForMetadata(ctx, names)
	if err != nil {
		return topicLayout{}, fmt.Errorf("ask Kafka for topics: %w", err)
	}
	learnedAt := time.Now()
	next := clusterLayout{addresses: map[NodeID]string{}, controller: NodeID(response.ControllerID), topics: map[string]topicLayout{}}
	for _, b := range response.Brokers {
		next.addresses[NodeID(b.NodeID)] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	err = fmt.Errorf("topic %s: %w", c.wireName(topic), ErrUnknownTopic)
	for _, t := range response.Topics {
		if t.Topic == nil {
			continue
		}
		switch name, code := c.bareName(*t.Topic), kafka.Error(t.ErrorCode); {
		case code == 0:
			next.topics[name] = newTopicLayout(t, learnedAt)
		case name != topic || code == kafka.UnknownTopicOrPartition:
		default:
			err = fmt.Errorf("topic %s: %w", c.wireName(topic), code)
		}
	}
	layout, ok := next.topics[topic] // read it before it is shared: later, expireLayout may write to the map
	c.mu.Lock()
	c.cluster = next
	c.mu.Unlock()
	if !ok {
		return topicLayout{}, err
	}
	return layout, nil
}

// askForMetadata asks for the cluster's brokers and for the named topics; none if there is no name.
func (c *Client) askForMetadata(ctx context.Context, names []string) (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	// An empty list means no topic, nil would mean all. AllowAutoTopicCreation stays false: only the owner creates a topic,
	// with EnsureTopic.
	request.Topics = []kmsg.MetadataRequestTopic{}
	for _, bare := range names {
		name := c.wireName(bare)
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	var response *kmsg.MetadataResponse
	err := c.tryBrokers(ctx, func(ctx context.Context, address string) error {
		var err error
		response, err = request.RequestWith(ctx, requestor{pool: c.conns, address: address, twice: true})
		return err
	})
	return response, err
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
			if layout.leaders[i] == noLeader {
				layout.learnedAt = time.Time{} // so that the next call asks again
			}
		}
	}
	return layout
}

// expireLayout makes the next call of topicLayout ask the cluster.
func (c *Client) expireLayout(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.cluster.topics[topic]; ok {
		t.learnedAt = time.Time{}
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

// askAnyBroker sends a request that every broker can answer to one broker after the other, until one answers.
func (c *Client) askAnyBroker(ctx context.Context, request protocol.Message) (answer protocol.Message, err error) {
	err = c.tryBrokers(ctx, func(ctx context.Context, address string) error {
		answer, err = c.conns.roundTripTwice(ctx, address, request)
		return err
	})
	return answer, err
}

// tryBrokers calls f with the address of one broker after the other, until it returns nil.
func (c *Client) tryBrokers(ctx context.Context, f func(ctx context.Context, address string) error) error {
	addresses := c.brokerAddresses()
	var failures []error
	for _, address := range addresses {
		// Each broker gets a share of the time, so that one that hangs does not use up the time for the others.
		each, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout/time.Duration(len(addresses)))
		err := f(each, address)
		cancel()
		if err == nil {
			return nil
		}
		if failures = append(failures, err); ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// brokerAddresses returns the configured addresses, then the learned ones: all configured brokers may have been replaced.
func (c *Client) brokerAddresses() []string {
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

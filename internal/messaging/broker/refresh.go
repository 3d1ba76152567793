package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refresh is one question for the cluster's layout. It runs in a goroutine of its own: it ends neither with the call that
// started it, nor later than RequestTimeout. There is one at a time.
type refresh struct {
	begun  time.Time
	topics []string      // the one that was asked for, and all cached ones, so that all layouts have the same age
	done   chan struct{} // closed at the end; the fields below are then set

	layouts map[string]topicLayout
	errors  map[string]error // by topic: why it has no layout
	err     error            // why no topic has a layout
}

// answers reports whether the refresh has asked for the topic, and not before the time since.
func (r *refresh) answers(topic string, since time.Time) bool {
	return !r.begun.Before(since) && slices.Contains(r.topics, topic)
}

func (r *refresh) layout(topic string) (topicLayout, error) {
	if layout, ok := r.layouts[topic]; ok {
		return layout, nil
	}
	if r.err != nil {
		return topicLayout{}, fmt.Errorf("ask Kafka for topics: %w", r.err)
	}
	return topicLayout{}, r.errors[topic]
}

// startRefresh returns the running refresh, or starts one. The caller holds the lock.
func (c *Client) startRefresh(topic string) *refresh {
	if c.refreshing != nil {
		return c.refreshing
	}
	r := &refresh{begun: time.Now(), topics: []string{topic}, done: make(chan struct{})}
	if c.life.Err() != nil {
		r.err = errClosed
		close(r.done)
		return r
	}
	for name := range c.cluster.topics {
		if name != topic {
			r.topics = append(r.topics, name)
		}
	}
	c.refreshing = r
	c.running.Go(func() {
		c.refresh(r)
		c.mu.Lock()
		c.refreshing = nil
		c.mu.Unlock()
		close(r.done)
	})
	return r
}

func (c *Client) refresh(r *refresh) {
	response, source, err := c.askForLayout(c.life, r.topics)
	if err != nil {
		r.err = err
		return
	}
	cluster := clusterLayout{addresses: map[NodeID]string{}, controller: NodeID(response.ControllerID), source: source}
	for _, b := range response.Brokers {
		cluster.addresses[NodeID(b.NodeID)] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	c.order.learn(slices.Sorted(maps.Values(cluster.addresses)))
	r.layouts, r.errors = c.layoutsOf(response, r)
	cluster.topics = r.layouts
	if len(r.errors) > 0 || lackLeader(r.layouts) {
		c.order.putLast(source) // another broker may know better
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cluster = cluster
	maps.DeleteFunc(c.expired, func(topic string, _ time.Time) bool { _, ok := cluster.topics[topic]; return !ok })
}

// layoutsOf returns the layouts that the response has of the asked topics, and errors for the others.
func (c *Client) layoutsOf(response *kmsg.MetadataResponse, r *refresh) (map[string]topicLayout, map[string]error) {
	layouts, failures := map[string]topicLayout{}, map[string]error{}
	for _, topic := range r.topics {
		failures[topic] = fmt.Errorf("topic %s: %w", c.wireName(topic), ErrUnknownTopic)
	}
	for _, t := range response.Topics {
		if t.Topic == nil {
			continue
		}
		name := c.bareName(*t.Topic)
		switch code := kafka.Error(t.ErrorCode); code {
		case 0:
			layouts[name] = newTopicLayout(t, r.begun)
			delete(failures, name)
		case kafka.UnknownTopicOrPartition:
		default:
			failures[name] = fmt.Errorf("topic %s: %w", c.wireName(name), code)
		}
	}
	return layouts, failures
}

func lackLeader(layouts map[string]topicLayout) bool {
	for _, layout := range layouts {
		if slices.Contains(layout.leaders, noLeader) {
			return true
		}
	}
	return false
}

var errOlderLayout = errors.New("the broker tells an older layout of the cluster than another broker before")

// askForLayout returns the layout that one broker tells, and the broker's address. A broker that lost its connection to the
// others may still answer. Its leader epochs are then lower than those that are known, so the next broker is asked. Only if
// each broker answers, and each one is that old, the epochs really went back.
func (c *Client) askForLayout(ctx context.Context, names []string) (response *kmsg.MetadataResponse, source string, err error) {
	var older *kmsg.MetadataResponse
	failed := false
	err = c.tryBrokers(ctx, func(ctx context.Context, address string) error {
		answer, err := c.requestMetadata(ctx, address, names)
		if err != nil {
			failed = true
			return err
		}
		source = address
		if c.isOlder(answer) {
			older = answer
			return fmt.Errorf("%s: %w", address, errOlderLayout)
		}
		response = answer
		return nil
	})
	if err != nil && older != nil && !failed {
		return older, source, nil
	}
	return response, source, err
}

// isOlder reports whether a leader epoch of the response is lower than the known one.
func (c *Client) isOlder(response *kmsg.MetadataResponse) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range response.Topics {
		if t.Topic == nil || t.ErrorCode != 0 {
			continue
		}
		known, ok := c.cluster.topics[c.bareName(*t.Topic)]
		if !ok || known.id != TopicID(t.TopicID) {
			continue
		}
		for _, p := range t.Partitions {
			if i := int(p.Partition); i < len(known.epochs) && p.LeaderEpoch >= 0 && p.LeaderEpoch < known.epochs[i] {
				return true
			}
		}
	}
	return false
}

// askForMetadata asks for the cluster's brokers and for the named topics; none if there is no name.
func (c *Client) askForMetadata(ctx context.Context, names []string) (response *kmsg.MetadataResponse, err error) {
	err = c.tryBrokers(ctx, func(ctx context.Context, address string) error {
		response, err = c.requestMetadata(ctx, address, names)
		return err
	})
	return response, err
}

func (c *Client) requestMetadata(ctx context.Context, address string, names []string) (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	// An empty list means no topic, nil would mean all. AllowAutoTopicCreation stays false: only the owner creates a topic,
	// with EnsureTopic.
	request.Topics = []kmsg.MetadataRequestTopic{}
	for _, bare := range names {
		name := c.wireName(bare)
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	return request.RequestWith(ctx, requestor{pool: c.conns, address: address, twice: true})
}

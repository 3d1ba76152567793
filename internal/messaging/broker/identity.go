package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TopicID identifies a topic for as long as it exists (KIP-516). A topic that is deleted and created again has another id.
// The zero value means that the id is unknown: brokers older than Kafka 2.8 tell none. An unknown id is compared with nothing.
type TopicID [16]byte

// IsZero reports whether the id is unknown.
func (id TopicID) IsZero() bool { return id == TopicID{} }

// String returns the id as Kafka's own tools show it, or "unknown".
func (id TopicID) String() string {
	if id.IsZero() {
		return "unknown"
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// UUID returns the id as a database stores it.
func (id TopicID) UUID() uuid.UUID { return uuid.UUID(id) }

// differsFrom reports whether both ids are known and are not the same.
func (id TopicID) differsFrom(other TopicID) bool {
	return !id.IsZero() && !other.IsZero() && id != other
}

// Position is a place in a partition, and says in which log.
type Position struct {
	Offset int64 // the next offset to read
	// LeaderEpoch is the leader epoch of the batch before Offset, as far as the reader has seen it; -1 if it is unknown.
	LeaderEpoch int32
	TopicID     TopicID // of the topic that was read
}

// At returns the position at an offset of an unknown log.
func At(offset int64) Position { return Position{Offset: offset, LeaderEpoch: unknownEpoch} }

// LogStart is the start of a partition's log.
type LogStart struct {
	Offset  int64
	TopicID TopicID
}

// Position returns the position at the start of the log.
func (s LogStart) Position() Position {
	return Position{Offset: s.Offset, LeaderEpoch: unknownEpoch, TopicID: s.TopicID}
}

const unknownEpoch int32 = -1

// ErrTopicRecreated reports that a topic was deleted and created again while it was read.
var ErrTopicRecreated = errors.New("the topic was created again")

// ClusterID returns the id that Kafka gave to the cluster. It always asks the cluster.
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	response, err := c.askForMetadata(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("ask Kafka for the cluster's id: %w", err)
	}
	if response.ClusterID == nil {
		return "", errors.New("ask Kafka for the cluster's id: it has none")
	}
	return *response.ClusterID, nil
}

// TopicID returns the id of a topic, or ErrUnknownTopic. It may come from the cache, and is then at most MetadataTTL old.
func (c *Client) TopicID(ctx context.Context, topic string) (TopicID, error) {
	layout, err := c.topicLayout(ctx, topic)
	return layout.id, err
}

// logIdentity says which log a fetch reads: the topic's id, and the leader epoch that the reader has compared its position
// with. The broker refuses a fetch with another id, or with another epoch than its own.
type logIdentity struct {
	topicID     TopicID
	leaderEpoch int32
}

// identity returns the log's current identity. It may come from the cache.
func (c *Client) identity(ctx context.Context, tp TopicPartition) (logIdentity, error) {
	layout, err := c.topicLayout(ctx, tp.Topic)
	if err != nil {
		return logIdentity{}, err
	}
	return layout.identity(tp.Partition), nil
}

func (t topicLayout) identity(partition int) logIdentity {
	if partition < 0 || partition >= len(t.epochs) {
		return logIdentity{t.id, unknownEpoch}
	}
	return logIdentity{t.id, t.epochs[partition]}
}

// epochEnd is the leader's answer to OffsetForLeaderEpoch.
type epochEnd struct {
	known  bool  // the leader knows the epoch, or a later one
	offset int64 // the offset after the last record of the epoch
}

// endOfEpoch asks the leader where a leader epoch ends in its log. current is the leader epoch of the cached layout: a
// broker that leads in another epoch returns an error.
func (c *Client) endOfEpoch(ctx context.Context, tp TopicPartition, current, epoch int32) (epochEnd, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	leader, err := c.Leader(ctx, tp)
	if err != nil {
		return epochEnd{}, err
	}
	address, err := c.address(leader)
	if err != nil {
		return epochEnd{}, err
	}
	request := kmsg.NewPtrOffsetForLeaderEpochRequest()
	partition := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	partition.Partition, partition.CurrentLeaderEpoch, partition.LeaderEpoch = int32(tp.Partition), current, epoch
	request.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: c.wireName(tp.Topic),
		Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{partition}}}
	response, err := request.RequestWith(ctx, requestor{pool: c.conns, address: address, twice: true})
	if err == nil && (len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1) {
		err = errors.New("the broker's response is for another partition")
	}
	if err == nil {
		p := response.Topics[0].Partitions[0]
		if p.ErrorCode == 0 {
			return epochEnd{known: p.EndOffset >= 0, offset: p.EndOffset}, nil
		}
		err = kafka.Error(p.ErrorCode)
	}
	c.distrustLayout(tp.Topic)
	return epochEnd{}, fmt.Errorf("ask for the end of leader epoch %d of %s: %w", epoch, tp, err)
}

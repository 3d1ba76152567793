// Package event knows what an event looks like on its way: a CloudEvents 1.0 message in structured JSON, keyed by its
// aggregate. It knows nothing of any model, database or broker.
package event

import "github.com/google/uuid"

// ContentType is the media type of every message (CloudEvents JSON format, section 3).
const ContentType = "application/cloudevents+json"

// Partitions is the number of partitions of every v1 topic, and so of outbox shards. It never changes for a v1 topic:
// the order of a key's events depends on it.
const Partitions = 12

// Message is an event ready to be published: what one outbox row holds.
type Message struct {
	ID      uuid.UUID // the CloudEvents id, a version 7 UUID
	Topic   string
	Key     string // the aggregate's id: the Kafka key and the CloudEvents subject
	Version int64  // the aggregate's version, gap-free from 1: the extension aggregateversion
	Type    string // the CloudEvents type, as in "monsplit.product.created.v1"
	Payload []byte // the whole CloudEvents message, JSON
}

// Shard returns the number of the Kafka partition, and so of the outbox shard, that the message belongs to.
func (m Message) Shard() int { return Partition([]byte(m.Key), Partitions) }

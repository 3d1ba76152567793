package event

import "github.com/google/uuid"

// ContentType is the media type of every message (CloudEvents JSON format, section 3).
const ContentType = "application/cloudevents+json"

// Partitions is the number of partitions of every topic, and so the number of shards of an outbox. It must never change
// for an existing topic: with another number, the events of a key are in two partitions and lose their order. This is
// the only place in Go that has the number. The first migration repeats it for the leases; the relay compares the two
// before it takes a lease.
const Partitions = 12

// MaxVersion is the highest version of an aggregate: the largest Integer of CloudEvents 1.0 ("Type System"). The outbox
// accepts no higher one.
const MaxVersion = 1<<31 - 1

// Message is an event that is ready to be published. It is one row of the outbox.
type Message struct {
	ID      uuid.UUID // the CloudEvents id, a version 7 UUID
	Topic   string
	Key     string // the aggregate's id: the Kafka key and the CloudEvents subject
	Version int64  // the aggregate's version, from 1 without gaps: the CloudEvents extension aggregateversion
	Type    string // the CloudEvents type, as in "shop.product.created.v1"
	Payload []byte // the whole CloudEvents message, JSON
}

// Shard returns the number of the message's Kafka partition, which is also the number of its outbox shard.
func (m Message) Shard() int { return Partition([]byte(m.Key), Partitions) }

package broker

import (
	"fmt"
	"time"
)

// TopicPartition names one partition of one topic.
type TopicPartition struct {
	Topic     string
	Partition int
}

// String returns TOPIC-PARTITION, as in Kafka's own tools and logs.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s-%d", tp.Topic, tp.Partition) }

// NodeID is a broker's number in its cluster.
type NodeID int32

// Header is a record's header. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Record is a Kafka record. Kafka keeps times in milliseconds. A nil Value is null: a purge. A nil Key is null; only foreign
// producers write such records.
type Record struct {
	Key, Value []byte
	Time       time.Time
	Headers    []Header
}

// Fetched is a record read from a partition. The reader may keep its slices.
type Fetched struct {
	Record
	Offset      int64
	LeaderEpoch int32 // of the record's batch: the epoch of the leader that appended it
	// Arrived is when this process received the record. It is zero for a record that was not read to be applied.
	Arrived time.Time
	// Unreadable is not nil if this stands for a batch, or for the rest of one, whose records cannot be read. Then Value has the
	// first bytes of the batch, and Key is nil.
	Unreadable *UnreadableBatch
}

// Next returns the offset after the record, or after the unreadable batch.
func (f Fetched) Next() int64 {
	if f.Unreadable != nil {
		return f.Unreadable.Last + 1
	}
	return f.Offset + 1
}

// recordOverhead is an upper bound of what the encoding adds to a record's key and value: its length (5), attributes (1),
// time (10), offset (5), and the lengths of key, value and header list (5 each).
const recordOverhead = 36

// Size returns an upper bound of the record's bytes in a batch. If the sum over a batch is at most MaxBatchBytes, the batch
// fits Kafka's default message.max.bytes.
func (r Record) Size() int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += 10 + len(h.Key) + len(h.Value)
	}
	return n
}

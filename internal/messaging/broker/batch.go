package broker

import "time"

// MaxBatchBytes is how large a batch may get, leaving room below Kafka's default message.max.bytes (1,048,588).
const MaxBatchBytes = 1_000_000

// ProducerSession is the identity that the broker fences by: of two sessions with one ID the lower Epoch is refused.
type ProducerSession struct {
	ID    int64
	Epoch int16
}

// Batch is an encoded record batch for one partition. It is frozen: whatever becomes of a try, the next one sends the
// very same bytes, because the leader knows a repetition by its producer, epoch and sequences.
type Batch struct {
	TP           TopicPartition
	Count        int
	NextSequence int32 // the first sequence of the batch after this one
	EncodedAt    time.Time

	bytes []byte
}

// EncodeBatch encodes records, which must not be empty, as one batch.
func EncodeBatch(tp TopicPartition, s ProducerSession, firstSequence int32, records []Record) (*Batch, error) {
	return nil, errNotImplemented
}

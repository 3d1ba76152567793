package broker

import (
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Verdict is what the sender of a batch has to do after an error. It is about one try. An earlier, ambiguous try of the same
// batch may nevertheless have been written.
type Verdict int

const (
	// Resend: it is unknown whether this try was written. Send the same bytes again.
	Resend Verdict = iota
	// NotWritten: this try wrote nothing, because the broker does not lead the partition. Ask for the Leader, then send
	// the same bytes again.
	NotWritten
	// NextEpoch: the broker's sequence differs from ours. Take a higher epoch, and start at sequence 0 from the oldest record
	// that is not acknowledged. No batch of the same epoch will be accepted again.
	NextEpoch
	// Fenced: a producer with a higher epoch has written here, so the partition is no longer ours. Stop writing to it. Never
	// take a higher epoch and send again: that would invert the order.
	Fenced
	// Refused: the broker does not accept these records. Send once more, then bisect to find the bad ones.
	Refused
	// Configuration: an operator has to change something. Stop and alert.
	Configuration
	// Bug: a correct sender never gets this. Stop and alert.
	Bug
)

// String returns the verdict's name.
func (v Verdict) String() string {
	names := [...]string{"resend", "not written", "next epoch", "fenced", "refused", "configuration", "bug"}
	if v < 0 || int(v) >= len(names) {
		return fmt.Sprintf("verdict %d", int(v))
	}
	return names[v]
}

// Error is the failure of a batch.
type Error struct {
	TP      TopicPartition
	Code    int16 // Kafka's error code; 0 if there was no response or no request
	Verdict Verdict
	Err     error
	// TimedOut reports that the request was sent, or was being sent, when its time ran out. It may be too large for the link.
	TimedOut bool
}

// Error implements error.
func (e *Error) Error() string {
	if e.Code == 0 {
		return fmt.Sprintf("produce to %s (%s): %v", e.TP, e.Verdict, e.Err)
	}
	return fmt.Sprintf("produce to %s (%s): Kafka error %d: %v", e.TP, e.Verdict, e.Code, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// VerdictOf returns the verdict of an error of Produce. It returns Resend for any other error.
func VerdictOf(err error) Verdict {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Verdict
	}
	return Resend
}

// verdictOfCode maps Kafka's error codes to verdicts about an idempotent batch. A code that is not listed, like the server's
// unexpected exceptions (-1), leaves open what was written. So its verdict is Resend.
func verdictOfCode(code int16) Verdict {
	switch kafka.Error(code) {
	case kafka.UnknownTopicOrPartition, // 3: also for a moment after a topic was created
		kafka.LeaderNotAvailable,    // 5
		kafka.NotLeaderForPartition, // 6
		kafka.ReplicaNotAvailable,   // 9
		kafka.KafkaStorageError,     // 56: the leader's disk failed, another broker takes over
		kafka.FencedLeaderEpoch,     // 74
		kafka.UnknownLeaderEpoch:    // 75
		return NotWritten
	case kafka.OutOfOrderSequenceNumber: // 45: a gap, or a repeated batch that the broker has forgotten
		return NextEpoch
	case kafka.InvalidProducerEpoch, // 47: a higher epoch has written to this partition
		kafka.ProducerFenced: // 90
		return Fenced
	case kafka.InvalidMessage, // 2: the checksum is wrong; a second try may help, if a bit was flipped in transit
		kafka.MessageSizeTooLarge, // 10
		kafka.RecordListTooLarge,  // 18
		kafka.InvalidTimestamp,    // 32
		kafka.InvalidRecord:       // 87
		return Refused
	case kafka.InvalidTopic, // 17
		kafka.TopicAuthorizationFailed,           // 29
		kafka.ClusterAuthorizationFailed,         // 31
		kafka.UnsupportedVersion,                 // 35
		kafka.UnsupportedForMessageFormat,        // 43
		kafka.PolicyViolation,                    // 44
		kafka.TransactionalIDAuthorizationFailed, // 53
		kafka.SASLAuthenticationFailed,           // 58
		kafka.UnsupportedCompressionType:         // 76
		return Configuration
	case kafka.InvalidRequiredAcks, // 21
		kafka.DuplicateSequenceNumber,  // 46: two batches of one partition were in flight
		kafka.InvalidTransactionState,  // 48
		kafka.InvalidProducerIDMapping, // 49
		kafka.UnknownProducerId:        // 59: brokers since 2.5 never return it
		return Bug
	default: // for example 7, 19 and 20: it may be written, but the replicas did not confirm it in time
		return Resend
	}
}

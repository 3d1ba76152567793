package broker

import (
	"errors"
	"fmt"
)

// Verdict is what the sender of a batch has to do after an error.
type Verdict int

const (
	// Resend: it is unknown whether the batch was written. Send the same bytes again.
	Resend Verdict = iota
	// NotWritten: this try wrote nothing, because the request went to the wrong broker. Ask for the leader, then send
	// the same bytes again.
	NotWritten
	// NextEpoch: the log's sequence and ours have parted. Take a higher epoch, start at sequence 0, from the oldest
	// record that is not acknowledged.
	NextEpoch
	// Fenced: somebody with a higher epoch writes here. Stop; never bump and send again.
	Fenced
	// Refused: the broker does not want these records. Send once more, then bisect.
	Refused
	// Configuration: an operator has to change something. Stop and alert.
	Configuration
	// Bug: the request should never have been made. Stop and alert.
	Bug
)

// Error is a batch's failure.
type Error struct {
	TP      TopicPartition
	Code    int16 // Kafka's error code, or 0 when no answer came
	Verdict Verdict
	Err     error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.TP, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// VerdictOf returns the verdict of an error of Produce; any other error is taken as ambiguous.
func VerdictOf(err error) Verdict {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Verdict
	}
	return Resend
}

// ErrUnknownTopic says that a topic does not exist.
var ErrUnknownTopic = errors.New("no such topic")

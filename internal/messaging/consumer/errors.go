package consumer

// The codes of an Error. They are stable: programs may compare with them.
const (
	CodeInvalid      = "invalid"            // an argument breaks a rule
	CodeNotFound     = "not-found"          // there is no dead letter with this id
	CodeClosed       = "dead-letter-closed" // the dead letter is not open
	CodeTopicNotRead = "topic-not-read"     // no handler reads the dead letter's topic any more
	CodeReplayFailed = "replay-failed"      // the event failed again; its dead letter stays open
	// CodeDiscardFailed means that the service could not handle the discard; the dead letter stays open.
	CodeDiscardFailed = "discard-failed"
	CodeMoved         = "moved"       // the position has moved meanwhile
	CodeOtherTopic    = "other-topic" // the position belongs to an earlier topic of the same name
)

// Error is a refused request of an operator: about a dead letter, or about positions. Every other error of these functions is
// a failure of the database or of Kafka.
type Error struct {
	Code   string // one of the codes above
	Detail string // for a person; safe to show
	Cause  error  // for the log, nil except for CodeReplayFailed and CodeDiscardFailed: what the service returned
}

// Error implements error. It includes the cause, so it is for logs and operators.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Detail
	}
	return e.Detail + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Verdict is the decision of Config.Classify about a handler's error.
type Verdict struct {
	Decision Decision
	Code     string // of the dead letter, as in "invalid"; "poison" if it is empty
}

// Decision is what to do after a handler's error.
type Decision int

// The decisions. The zero value leaves the decision to the consumer.
const (
	Undecided   Decision = iota // JSON that does not fit its Go type is a dead letter, anything else is retried
	RetryBatch                  // the partition waits, and the batch comes again
	PoisonEvent                 // another try cannot help: the event becomes a dead letter
)

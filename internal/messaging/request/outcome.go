package request

import (
	"time"

	"github.com/google/uuid"
)

// Kind is what became of a request.
type Kind string

// The kinds of outcomes. All are final, except for Unreadable.
const (
	Accepted   Kind = "accepted"   // the change was made
	Unchanged  Kind = "unchanged"  // everything already was as the request wants it
	Refused    Kind = "refused"    // a rule forbids the change
	Expired    Kind = "expired"    // the request came to its decision too late
	Unreadable Kind = "unreadable" // an operator of the owner looks at the request; another outcome follows
)

// Outcome is the owner's answer to a request. It is a message of its own.
type Outcome struct {
	ID     uuid.UUID // of the message
	Number int64     // counts the outcomes of the key from 1, without gaps; it travels as the version of the message
	Time   time.Time // UTC, in microseconds

	Request uuid.UUID // the id of the request
	Key     string    // the key of the request, and of the outcome
	Kind    Kind
	Subject string // what the request was about; empty if the request is, or was, unreadable
	Version int64  // of the subject, if the request is Accepted or Unchanged
	Refusal error  // why the request is Refused
}

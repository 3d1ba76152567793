// Package catalogchange takes changes of catalog entries from old integrations. Another service owns the entries. So each
// change is a request: it is recorded and sent, the owner decides about it, and its outcome comes back. Nothing here decides
// about an entry, and the copies show only what the owner has confirmed.
package catalogchange

import (
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// Operation is what a request asks for.
type Operation string

// The operations. A replacement removes the dates that were not sent. A patch keeps them.
const (
	Create  Operation = "create"
	Replace Operation = "replace"
	Patch   Operation = "patch"
	Delete  Operation = "delete"
)

// Draft has the members of an entry that a caller sends, in the form that old integrations know.
type Draft struct {
	Product    int64 // the monolith's own id; 0 if it was not sent
	Market     int64 // the monolith's own id; 0 if it was not sent
	Start, End Date
}

// Date is a date that a caller may send. A date that was sent as null differs from one that was not sent.
type Date struct {
	Sent bool
	Day  *time.Time // at midnight UTC; nil for null, and if it was not sent
}

// Values are the members that a caller sent, in the form that all services know.
type Values struct {
	Product    *uuid.UUID // nil if it was not sent
	Market     *string    // ISO 3166-1 alpha-2; nil if it was not sent
	Start, End Date
}

// Request is a change that the owner is asked to make.
type Request struct {
	ID        uuid.UUID // a version 7 UUID; also the id of the message
	Operation Operation
	Entry     uuid.UUID // the id of a new entry is the id of the request that creates it
	Product   uuid.UUID // of the entry; requests of one product are decided in order
	Number    int64     // counts the requests of the product
	// ProductVersion is committed here. The owner decides when its copy of the product has this version.
	ProductVersion int64
	Match          condition.Match // the versions of the entry that the caller allows to change
	Values         Values
	Wanted         catalogcopy.Entry // the entry as it was asked for, without a version; UpdatedAt is CreatedAt
	AskedBy        string            // who asked, such as "token billing"; only in requests that were stored
	CreatedAt      time.Time
	ExpiresAt      time.Time // the owner does not make the change after this time

	Unreadable bool     // the owner cannot read the request, and an operator looks at it
	Outcome    *Outcome // nil until the owner has decided
}

// Kind is what the owner has decided.
type Kind string

// The kinds of outcome. All are final, except for Unreadable: then another outcome follows.
const (
	Accepted   Kind = "accepted"   // the change was made
	Unchanged  Kind = "unchanged"  // the entry already was as the request wants it
	Refused    Kind = "refused"    // a rule forbids the change
	Expired    Kind = "expired"    // the request came to its decision too late
	Unreadable Kind = "unreadable" // the owner cannot read the request
)

// Outcome is the owner's final decision about a request.
type Outcome struct {
	Kind    Kind
	Version int64    // of the entry, if the request was accepted or changed nothing
	Problem *Problem // why the request was refused; nil for the other kinds
	Time    time.Time
}

// succeeded reports whether the entry is as the request wants it.
func (o *Outcome) succeeded() bool { return o.Kind == Accepted || o.Kind == Unchanged }

// Problem is the owner's reason for a refusal, as its own API would give it (RFC 9457).
type Problem struct {
	Type   string
	Title  string
	Status int
	Detail string
	Faults []Fault
}

// Fault is one fault of the input.
type Fault struct {
	Pointer string // a JSON pointer (RFC 6901); the members have the same names at the owner and here
	Detail  string
}

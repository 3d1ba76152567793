// Package apperr is the closed set of error kinds that business code may return. Any other error is a bug in the service:
// it is logged in full, and the caller sees only "internal error".
package apperr

import (
	"errors"
	"fmt"
)

// Kind tells a caller what it can do about an error. One switch over Kind chooses the HTTP status, and another one
// decides between retry and dead letter in the consumer.
type Kind string

// The kinds of error.
const (
	Internal    Kind = "internal"          // a bug in the service
	Malformed   Kind = "malformed"         // the input could not be parsed
	Invalid     Kind = "invalid"           // the input was understood and breaks a rule
	NotFound    Kind = "not-found"         // it does not exist
	Conflict    Kind = "conflict"          // the request contradicts what is stored
	Stale       Kind = "stale"             // the caller edited an old version
	InProgress  Kind = "in-progress"       // the same request is still in progress; ask again
	TooMany     Kind = "too-many-requests" // the caller has used up what it may use; ask again much later
	NotYet      Kind = "not-yet"           // what the caller wants to see has not arrived here; ask again
	Unavailable Kind = "unavailable"       // try the same thing again later
)

// Error is an error that the caller may see.
type Error struct {
	Kind   Kind
	Code   string       // stable name of the problem, such as "market-in-use"; if empty, the kind is the name
	Detail string       // a text for a person; safe to show
	Fields []FieldError // what was wrong with the input, when Kind is Invalid or Malformed
	// Unlisted is the number of faults that are not in Fields, because there are too many.
	Unlisted int
	// OwnFault reports whether an operator has to act, although the caller may try again: the log has it as an error.
	OwnFault bool
	cause    error // for the log only
}

// FieldError identifies one wrong value by its JSON pointer (RFC 6901), such as "/name".
type FieldError struct {
	Pointer string
	Detail  string
}

// New returns an error of the given kind.
func New(kind Kind, detail string) *Error {
	return &Error{Kind: kind, Detail: detail}
}

// Coded returns an error of the given kind whose problem type has a name of its own.
func Coded(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// InvalidFields returns an Invalid error that lists every fault, or nil if there is none.
func InvalidFields(detail string, fields ...FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Detail: detail, Fields: fields}
}

// Because returns a copy of e that keeps cause for the log and for errors.Is. The caller never sees the cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error implements error. The text includes the cause, so it is for logs and not for callers.
func (e *Error) Error() string {
	s := e.Detail
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s %s", f.Pointer, f.Detail)
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Name returns the stable name of the problem: the code, or else the kind.
func (e *Error) Name() string {
	if e.Code != "" {
		return e.Code
	}
	return string(e.Kind)
}

// As returns the first Error in err's chain.
func As(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// KindOf returns the kind of the first Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := As(err); ok {
		return e.Kind
	}
	return Internal
}

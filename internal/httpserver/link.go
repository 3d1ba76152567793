package httpserver

import (
	"errors"
	"fmt"
	"net/http"
)

// linkedError is an error whose answer has a link.
type linkedError struct {
	error
	link string
}

func (e *linkedError) Unwrap() error { return e.error }

// WithLink returns err with a link (RFC 8288) that its answer will have. rel is a registered relation.
func WithLink(err error, target, rel string) error {
	return &linkedError{err, fmt.Sprintf("<%s>; rel=%q", target, rel)}
}

// addLink adds the link of err, if it has one.
func addLink(header http.Header, err error) {
	if linked, ok := errors.AsType[*linkedError](err); ok {
		header.Set("Link", linked.link)
	}
}

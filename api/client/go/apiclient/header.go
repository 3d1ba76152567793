package apiclient

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Editor changes a request before it is sent. Every generated method takes any number of them.
type Editor = func(ctx context.Context, request *http.Request) error

// ETag is the entity tag of a version, for what was read from a list: answers on one entity carry theirs.
func ETag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// IfMatch changes or deletes an entity only while its ETag is this one; else the error is a Problem named Stale.
//
// If-Match compares strongly (RFC 9110, section 13.1.1), and a proxy that compresses answers makes their tags weak. The
// services' own are all strong, for they are versions: so what such a proxy has put before the tag is left out.
func IfMatch(etag string) Editor { return setHeader("If-Match", strings.TrimPrefix(etag, "W/")) }

// IfNoneMatch reads an entity only when its ETag is another by now; else the answer has status 304 and no entity.
func IfNoneMatch(etag string) Editor { return setHeader("If-None-Match", etag) }

// IdempotencyKey makes a creation safe to send again: the same key with the same body gives the first answer again, for
// 24 hours.
func IdempotencyKey(key string) Editor { return setHeader("Idempotency-Key", key) }

// NewIdempotencyKey returns a key that is new. Keep it with what is to be created, so that it outlives a crash: a new key
// for each attempt creates the thing twice.
func NewIdempotencyKey() string { return uuid.NewString() }

func setHeader(name, value string) Editor {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set(name, value)
		return nil
	}
}

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

// ETag returns the entity tag of an entity's version. Use it for an item of a list; an answer with one entity has its own tag.
func ETag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// IfMatch changes or deletes an entity only if it still has this ETag. Otherwise the error is a Problem named Stale.
//
// If-Match compares strongly (RFC 9110, section 13.1.1), but a proxy that compresses answers makes their tags weak. All tags
// of the services are strong, because they are versions. So IfMatch removes the mark of a weak tag.
func IfMatch(etag string) Editor { return setHeader("If-Match", strings.TrimPrefix(etag, "W/")) }

// IfNoneMatch reads an entity only if it has another ETag now. Otherwise the answer has status 304 and no entity.
func IfNoneMatch(etag string) Editor { return setHeader("If-None-Match", etag) }

// IdempotencyKey makes it safe to send a creation again: for 24 hours, the same key with the same body returns the first
// answer again.
func IdempotencyKey(key string) Editor { return setHeader("Idempotency-Key", key) }

// NewIdempotencyKey returns a new key. Store it with the entity to create, so that it survives a crash. If every attempt has
// a new key, the entity is created twice.
func NewIdempotencyKey() string { return uuid.NewString() }

func setHeader(name, value string) Editor {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set(name, value)
		return nil
	}
}

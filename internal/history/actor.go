package history

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// Actor is who has made a change.
type Actor struct {
	Kind string `json:"kind"` // user, token, address, import, command, event, request or unknown
	Name string `json:"name"` // may be empty
}

// String returns the actor for people, such as "user ada".
func (a Actor) String() string { return strings.TrimSpace(a.Kind + " " + a.Name) }

// actorOf returns who makes a change in this context. A client that nobody knows is named by its address.
func actorOf(ctx context.Context) Actor {
	who := caller.From(ctx)
	a := Actor{string(who.Kind), clean(who.Name)}
	switch who.Kind {
	case caller.KindSession:
		a.Kind = "user"
	case caller.KindAnonymous, caller.KindAddress:
		a = Actor{"address", cmp.Or(caller.RequestOf(ctx).Address, a.Name)}
		if a.Name == "" {
			a.Kind = "unknown"
		}
	}
	return a
}

// longest is the maximum length of a text that says who or what led to a change, in bytes.
const longest = 200

// clean makes a text from outside, such as the name of a file, fit for the database.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

type causeKey struct{}

// causeFunc returns the id of what led to a change, if the change follows from the object of another service with a key.
type causeFunc func(key string) string

// causeOf returns the id of what led to a change in this context: a message of another service, or an HTTP request.
func causeOf(ctx context.Context, follows string) string {
	if cause, ok := ctx.Value(causeKey{}).(causeFunc); ok {
		return clean(cause(follows))
	}
	return caller.RequestOf(ctx).ID
}

// ByEvents returns a handler that records its changes as made by the events. The cause of a change is the event with the key
// Change.Follows. If a batch has several, the cause has the ids of all, with spaces between them: they are applied together.
func ByEvents[T any](handle consumer.Handler[T]) consumer.Handler[T] {
	return func(ctx context.Context, tx T, events []consumer.Event) error {
		if len(events) == 0 {
			return handle(ctx, tx, events)
		}
		ctx = caller.With(ctx, caller.Caller{Kind: caller.KindEvent, Name: events[0].Topic})
		return handle(context.WithValue(ctx, causeKey{}, causeFunc(func(key string) string {
			var ids []string
			for _, e := range events {
				if e.Key == key && e.ID != "" {
					ids = append(ids, e.ID)
				}
			}
			return strings.Join(ids, " ")
		})), tx, events)
	}
}

// ByRequest returns a context for changes that another service has asked for with a change request in a topic.
func ByRequest(ctx context.Context, topic string, id uuid.UUID) context.Context {
	ctx = caller.With(ctx, caller.Caller{Kind: caller.KindRequest, Name: topic})
	return context.WithValue(ctx, causeKey{}, causeFunc(func(string) string { return id.String() }))
}

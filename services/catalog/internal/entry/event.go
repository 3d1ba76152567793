package entry

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Kind is what happened to an entry.
type Kind string

// The kinds of events of an entry.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// Event is a committed change of an entry, with the entry after the change.
type Event struct {
	ID    uuid.UUID
	Kind  Kind
	Time  time.Time
	Entry Entry
	Cause uuid.UUID // the request that caused the change; uuid.Nil if there was none
}

// Current returns an event that describes the entry as it is. It publishes the state again, when Kafka has lost it.
func (e Entry) Current(id uuid.UUID) Event {
	kind := Updated
	switch {
	case e.Deleted:
		kind = Deleted
	case e.Version == 1:
		kind = Created
	}
	return Event{ID: id, Kind: kind, Time: e.UpdatedAt, Entry: e}
}

// CausedBy returns a Tx that names the request as the cause of all events that are appended to it.
func CausedBy(tx Tx, request uuid.UUID) Tx { return causedTx{tx, request} }

type causedTx struct {
	Tx
	cause uuid.UUID
}

func (t causedTx) Append(ctx context.Context, events ...Event) error {
	for i := range events {
		events[i].Cause = t.cause
	}
	return t.Tx.Append(ctx, events...)
}

package entry

import (
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
}

package entry

import (
	"time"

	"github.com/google/uuid"
)

// Kind says what happened to an entry.
type Kind string

// What can happen to an entry.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// Event is a committed change to an entry, with the entry as the change left it.
type Event struct {
	ID    uuid.UUID
	Kind  Kind
	Time  time.Time
	Entry Entry
}

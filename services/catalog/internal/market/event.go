package market

import (
	"time"

	"github.com/google/uuid"
)

// Kind is what happened to a market.
type Kind string

// The kinds of events of a market.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// Event is a committed change of a market, with the market after the change.
type Event struct {
	ID     uuid.UUID
	Kind   Kind
	Time   time.Time
	Market Market
}

// Current returns an event that describes the market as it is. It publishes the state again, when Kafka has lost it.
func (m Market) Current(id uuid.UUID) Event {
	kind := Updated
	switch {
	case m.Deleted:
		kind = Deleted
	case m.Version == 1:
		kind = Created
	}
	return Event{ID: id, Kind: kind, Time: m.UpdatedAt, Market: m}
}

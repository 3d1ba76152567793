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

package market

import (
	"time"

	"github.com/google/uuid"
)

// Kind says what happened to a market.
type Kind string

// What can happen to a market.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// Event is a committed change to a market, with the market as the change left it.
type Event struct {
	ID     uuid.UUID
	Kind   Kind
	Time   time.Time
	Market Market
}

package product

import (
	"time"

	"github.com/google/uuid"
)

// Kind is what happened to a product.
type Kind string

// The kinds of events. Creating a discontinued product emits only Created. Becoming discontinued emits only Discontinued,
// also if other fields changed. Reactivating emits Updated.
const (
	Created      Kind = "created"
	Updated      Kind = "updated"
	Discontinued Kind = "discontinued"
	Deleted      Kind = "deleted"
)

// Event is a committed change of a product, with the product after the change.
type Event struct {
	ID      uuid.UUID
	Kind    Kind
	Time    time.Time
	Product Product
}

// Current returns an event that describes the product as it is. It publishes the state again, when Kafka has lost it.
func (p Product) Current(id uuid.UUID) Event {
	kind := Updated // also of a discontinued product: the data has the flag
	switch {
	case p.Deleted:
		kind = Deleted
	case p.Version == 1:
		kind = Created
	}
	return Event{ID: id, Kind: kind, Time: p.UpdatedAt, Product: p}
}

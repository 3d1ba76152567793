package product

import (
	"time"

	"github.com/google/uuid"
)

// Kind says what happened to a product.
type Kind string

// What can happen to a product. One that is created discontinued is created alone; one that turns discontinued is
// discontinued, whatever else changed with it; one that is made again is updated.
const (
	Created      Kind = "created"
	Updated      Kind = "updated"
	Discontinued Kind = "discontinued"
	Deleted      Kind = "deleted"
)

// Event is a committed change to a product, with the product as the change left it.
type Event struct {
	ID      uuid.UUID
	Kind    Kind
	Time    time.Time
	Product Product
}

package entry

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Field is what a list is sorted by.
type Field string

// What lists can be sorted by.
const (
	ByID        Field = "id"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are in the order of the id, also where Desc reverses the rest.
type Sort struct {
	By   Field
	Desc bool
}

// Query says which entries are listed, and in which order.
type Query struct {
	Product     *uuid.UUID // exactly; nil keeps all
	Market      string     // exactly; empty keeps all
	AvailableOn Date       // keeps offers of this day, both ends included; zero keeps all
	Sort        Sort
	After       *Position // the list goes on behind it; nil begins it
	Limit       int       // 0 lists everything
}

// Position is where an entry stands in a list, as far as its order needs it.
type Position struct {
	ID   uuid.UUID
	Time time.Time // of the last update, where the list is sorted by it
}

// PositionOf returns where e stands in a list of this order.
func (s Sort) PositionOf(e Entry) Position {
	if s.By == ByUpdatedAt {
		return Position{ID: e.ID, Time: e.UpdatedAt}
	}
	return Position{ID: e.ID}
}

// List yields the entries of the query as they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return s.store.Entries(ctx, q)
}

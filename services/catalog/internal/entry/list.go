package entry

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Field is a field by which a list can be sorted.
type Field string

// The fields by which lists can be sorted.
const (
	ByID        Field = "id"
	ByMarket    Field = "market" // its code
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are sorted by id. Desc reverses the whole order.
type Sort struct {
	By   Field
	Desc bool
}

// Query selects the entries of a list and their order.
type Query struct {
	Search      string     // keeps entries of which the product, the market or an id has this text, in any case; empty keeps all
	Product     *uuid.UUID // exactly; nil keeps all
	Market      string     // exactly; empty keeps all
	AvailableOn Date       // keeps offers of this day, both ends included; zero keeps all
	Sort        Sort
	After       *Position // the list continues after it; nil starts at the beginning
	Limit       int       // 0 lists everything
}

// Position is the position of an entry in a list. Only the fields that the order needs are set.
type Position struct {
	ID     uuid.UUID
	Time   time.Time // of the last update, if the list is sorted by it
	Market string    `json:",omitempty"` // the code, if the list is sorted by it
}

// PositionOf returns the position of e in a list of this order.
func (s Sort) PositionOf(e Entry) Position {
	switch s.By {
	case ByMarket:
		return Position{ID: e.ID, Market: e.Market}
	case ByUpdatedAt:
		return Position{ID: e.ID, Time: e.UpdatedAt}
	default:
		return Position{ID: e.ID}
	}
}

// List yields the entries of the query while they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return s.store.Entries(ctx, q)
}

// Counts returns how many entries each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) Counts(ctx context.Context, queries []Query, most int) ([]int, error) {
	return s.store.CountEntries(ctx, queries, most)
}

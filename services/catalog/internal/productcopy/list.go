package productcopy

import (
	"time"

	"github.com/google/uuid"
)

// Field is what a list is sorted by.
type Field string

// What lists can be sorted by. Texts are in the order of their code points.
const (
	ByID        Field = "id"
	ByName      Field = "name"
	ByCategory  Field = "product_category"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are in the order of the id, also where Desc reverses the rest.
type Sort struct {
	By   Field
	Desc bool
}

// Query says which products are listed, and in which order.
type Query struct {
	Search              string // keeps names that contain this text, in any case; empty keeps all
	Category            string // exactly; empty keeps all
	IncludeDiscontinued bool
	Sort                Sort
	After               *Position // the list goes on behind it; nil begins it
	Limit               int       // 0 lists everything
}

// Position is where a product stands in a list, as far as its order needs it.
type Position struct {
	ID   uuid.UUID
	Text string    // the name or the category, where the list is sorted by it
	Time time.Time // of the last update, where the list is sorted by it
}

// PositionOf returns where p stands in a list of this order.
func (s Sort) PositionOf(p Product) Position {
	switch s.By {
	case ByName:
		return Position{ID: p.ID, Text: p.Name}
	case ByCategory:
		return Position{ID: p.ID, Text: p.Category}
	case ByUpdatedAt:
		return Position{ID: p.ID, Time: p.UpdatedAt}
	default:
		return Position{ID: p.ID}
	}
}

package productcopy

import (
	"time"

	"github.com/google/uuid"
)

// Field is a field by which a list can be sorted.
type Field string

// The fields by which lists can be sorted. Texts are compared by their code points.
const (
	ByID        Field = "id"
	ByName      Field = "name"
	ByCategory  Field = "product_category"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are sorted by id. Desc reverses the whole order.
type Sort struct {
	By   Field
	Desc bool
}

// Query selects the products of a list and their order.
type Query struct {
	Search              string // keeps names that contain this text, in any case; empty keeps all
	Category            string // exactly; empty keeps all
	IncludeDiscontinued bool
	// OnlyDiscontinued keeps the discontinued products alone. Cursors of the API belong to the JSON of a query, so that of the
	// API's lists must stay as it is.
	OnlyDiscontinued bool `json:",omitempty"`
	Sort             Sort
	After            *Position // the list continues after it; nil starts at the beginning
	Limit            int       // 0 lists everything
}

// Position is the position of a product in a list. Only the fields that the order needs are set.
type Position struct {
	ID   uuid.UUID
	Text string    // the name or the category, if the list is sorted by it
	Time time.Time // of the last update, if the list is sorted by it
}

// PositionOf returns the position of p in a list of this order.
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

package catalogcopy

import "time"

// Field is what a list is sorted by.
type Field string

// What lists can be sorted by: entries by id and update alone.
const (
	ByID        Field = "id"
	ByISOCode   Field = "iso_code"
	ByName      Field = "name"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are in the order of the id, also where Desc reverses the rest.
type Sort struct {
	By   Field
	Desc bool
}

// EntryQuery says which entries are listed, and in which order.
type EntryQuery struct {
	Product int64 // the monolith's own id; 0 keeps all
	Market  int64 // the monolith's own id; 0 keeps all
	Sort    Sort
	After   *Position // the list goes on behind it; nil begins it
	Limit   int       // 0 lists everything
}

// MarketQuery says which markets are listed, and in which order.
type MarketQuery struct {
	Search string // keeps names that contain this text, in any case; empty keeps all
	Sort   Sort
	After  *Position
	Limit  int
}

// Position is where something stands in a list, as far as its order needs it.
type Position struct {
	ID   int64
	Text string    // the code or the name, where the list is sorted by it
	Time time.Time // of the last update, where the list is sorted by it
}

// PositionOfEntry returns where e stands in a list of this order.
func (s Sort) PositionOfEntry(e Entry) Position {
	if s.By == ByUpdatedAt {
		return Position{ID: e.ID, Time: e.UpdatedAt}
	}
	return Position{ID: e.ID}
}

// PositionOfMarket returns where m stands in a list of this order.
func (s Sort) PositionOfMarket(m Market) Position {
	switch s.By {
	case ByISOCode:
		return Position{ID: m.ID, Text: m.ISOCode}
	case ByName:
		return Position{ID: m.ID, Text: m.Name}
	case ByUpdatedAt:
		return Position{ID: m.ID, Time: m.UpdatedAt}
	default:
		return Position{ID: m.ID}
	}
}

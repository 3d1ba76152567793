package catalogcopy

import "time"

// Field is a field by which a list can be sorted.
type Field string

// The fields by which lists can be sorted. Entries can be sorted by id, by the code of the market, and by the last update.
const (
	ByID        Field = "id"
	ByISOCode   Field = "iso_code"
	ByName      Field = "name"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are sorted by id. Desc reverses the whole order.
type Sort struct {
	By   Field
	Desc bool
}

// EntryQuery selects the entries of a list and their order.
type EntryQuery struct {
	Search  string // keeps entries of which the product, the market or a number has this text, in any case; empty keeps all
	Product int64  // the monolith's own id; 0 keeps all
	Market  int64  // the monolith's own id; 0 keeps all
	Sort    Sort
	After   *Position // the list continues after it; nil starts at the beginning
	Limit   int       // 0 lists everything
}

// MarketQuery selects the markets of a list and their order.
type MarketQuery struct {
	Search string // keeps names that contain this text, in any case; empty keeps all
	Sort   Sort
	After  *Position
	Limit  int
}

// Position is the position of an item in a list. Only the fields that the order needs are set.
type Position struct {
	ID   int64
	Text string    // the code or the name, if a list of markets is sorted by it
	Time time.Time // of the last update, if the list is sorted by it
	// Market is the monolith's own id of the market, if a list of entries is sorted by its code.
	Market int64 `json:",omitempty"`
}

// PositionOfEntry returns the position of e in a list of this order.
func (s Sort) PositionOfEntry(e Entry) Position {
	switch s.By {
	case ByISOCode:
		return Position{ID: e.ID, Market: e.Market}
	case ByUpdatedAt:
		return Position{ID: e.ID, Time: e.UpdatedAt}
	default:
		return Position{ID: e.ID}
	}
}

// PositionOfMarket returns the position of m in a list of this order.
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

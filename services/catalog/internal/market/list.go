package market

import (
	"context"
	"iter"
	"time"
)

// Field is what a list is sorted by.
type Field string

// What lists can be sorted by. Texts are in the order of their code points.
const (
	ByCode      Field = "iso_code"
	ByName      Field = "name"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are in the order of the code, also where Desc reverses the rest.
type Sort struct {
	By   Field
	Desc bool
}

// Query says which markets are listed, and in which order.
type Query struct {
	Search string // keeps names that contain this text, in any case; empty keeps all
	Sort   Sort
	After  *Position // the list goes on behind it; nil begins it
	Limit  int       // 0 lists everything
}

// Position is where a market stands in a list, as far as its order needs it.
type Position struct {
	ID   string    // the code
	Text string    // the name, where the list is sorted by it
	Time time.Time // of the last update, where the list is sorted by it
}

// PositionOf returns where m stands in a list of this order.
func (s Sort) PositionOf(m Market) Position {
	switch s.By {
	case ByName:
		return Position{ID: m.ISOCode, Text: m.Name}
	case ByUpdatedAt:
		return Position{ID: m.ISOCode, Time: m.UpdatedAt}
	default:
		return Position{ID: m.ISOCode}
	}
}

// List yields the markets of the query as they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Market, error] {
	return s.store.Markets(ctx, q)
}

package market

import (
	"context"
	"iter"
	"time"
)

// Field is a field by which a list can be sorted.
type Field string

// The fields by which lists can be sorted. Texts are compared by their code points.
const (
	ByCode      Field = "iso_code"
	ByName      Field = "name"
	ByUpdatedAt Field = "updated_at"
)

// Sort is the order of a list. Ties are sorted by code. Desc reverses the whole order.
type Sort struct {
	By   Field
	Desc bool
}

// Query selects the markets of a list and their order.
type Query struct {
	Search string // keeps names that contain this text, in any case; empty keeps all
	Sort   Sort
	After  *Position // the list continues after it; nil starts at the beginning
	Limit  int       // 0 lists everything
}

// Position is the position of a market in a list. Only the fields that the order needs are set.
type Position struct {
	ID   string    // the code
	Text string    // the name, if the list is sorted by it
	Time time.Time // of the last update, if the list is sorted by it
}

// PositionOf returns the position of m in a list of this order.
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

// List yields the markets of the query while they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Market, error] {
	return s.store.Markets(ctx, q)
}

// Counts returns how many markets each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) Counts(ctx context.Context, queries []Query, most int) ([]int, error) {
	return s.store.CountMarkets(ctx, queries, most)
}

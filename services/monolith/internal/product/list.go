package product

import (
	"context"
	"iter"
	"time"
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
	ID   int64
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

// List yields the products of the query while they are read. An error is the last pair.
func (s *Service) List(ctx context.Context, q Query) iter.Seq2[Product, error] {
	return s.store.Products(ctx, q)
}

// Counts returns how many products each query has, but never more than most. It returns only the first ones if that takes too long.
func (s *Service) Counts(ctx context.Context, queries []Query, most int) ([]int, error) {
	return s.store.CountProducts(ctx, queries, most)
}

// Categories returns the first categories in the order of their names.
func (s *Service) Categories(ctx context.Context, most int) ([]string, error) {
	return s.store.Categories(ctx, most)
}

// ByID returns the products with these ids. Those that do not exist are missing in the map.
func (s *Service) ByID(ctx context.Context, ids []int64) (map[int64]Product, error) {
	return s.store.ProductsByID(ctx, ids)
}

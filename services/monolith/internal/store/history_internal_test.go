package store

import (
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// A field of a product that the history lacks fails this test.
func TestHistoryHasEachField(t *testing.T) {
	t.Parallel()
	servicetest.HistoryHas(t, fill.Of[product.Product](t, 0), productState, fill.Internal{
		"ID": "never changes", "UUID": "is the key of the history", "Version": "has a column of its own",
		"CreatedAt": "is the time of the first version", "UpdatedAt": "has a column of its own",
	})
}

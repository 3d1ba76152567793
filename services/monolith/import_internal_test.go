package monolith

import (
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// A field of a record that no column sets fails this test.
func TestMappingOfImports(t *testing.T) {
	t.Parallel()
	servicetest.ImportSets(t, "row of an import → parseProduct → product.Record", productModel(nil), map[string]string{
		"product_uuid": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "name": "Chair", "product_category": "Furniture", "discontinued": "true",
	})
}

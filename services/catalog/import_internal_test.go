package catalog

import (
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// A field of a record that no column sets fails this test.
func TestMappingOfImports(t *testing.T) {
	t.Parallel()
	servicetest.ImportSets(t, "row of an import → marketModel → market.Draft", marketModel(nil), map[string]string{
		"iso_code": "NL", "name": "Netherlands",
	})
	servicetest.ImportSets(t, "row of an import → parseEntry → entry.Draft", entryModel(nil), map[string]string{
		"product": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "market": "NL", "availability_date": "2026-03-01", "availability_end_date": "2026-03-02",
	})
}

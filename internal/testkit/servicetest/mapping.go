package servicetest

import (
	"testing"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/testkit/fill"
)

// ImportSets fails the test unless the columns of an import set every field of a record. values has a value for each
// column.
func ImportSets[R any](t testing.TB, place string, model bulkimport.Model[R], values map[string]string) {
	t.Helper()
	for _, column := range model.Columns {
		if values[column.Name] == "" {
			t.Errorf("%s: the test has no value for the column %s", place, column.Name)
		}
	}
	record, faults := model.Parse(bulkimport.NewRow(1, values))
	if len(faults) > 0 {
		t.Errorf("%s: %v", place, faults)
	}
	fill.Set(t, place, record, nil)
}

package entry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

func TestImport(t *testing.T) {
	t.Parallel()
	service, store := setup(t, stored(id, draft(chair, "BE", "2026-03-01", ""), 2),
		stored(uuid.UUID{2}, draft(relic, "BE", "2026-03-01", "2026-05-01"), 2))
	records := []entry.Draft{
		draft(chair, "BE", "2026-03-01", "2026-09-01"), draft(chair, "NL", "2026-03-01", ""),
		draft(relic, "BE", "2026-03-01", "2026-05-01"),
	}
	want := []entry.Outcome{entry.ImportedChange, entry.ImportedNew, entry.ImportedNothing}
	bad := map[int]error{}
	if err := service.CheckImport(t.Context(), slices.All(records), at, func(i int, err error) { bad[i] = err }); err != nil || len(bad) != 0 {
		t.Fatalf("faults %v, %v", bad, err)
	}
	for i, d := range records {
		if _, got, err := service.Import(t.Context(), d); err != nil || got != want[i] {
			t.Errorf("record %d: outcome %d, %v; want %d", i, got, err, want[i])
		}
		if _, got, err := service.Import(t.Context(), d); err != nil || got != entry.ImportedNothing {
			t.Errorf("record %d again: outcome %d, %v", i, got, err)
		}
	}
	announced := []string{"updated BE v3 2026-03-01..2026-09-01", "created NL v1 2026-03-01.."}
	if got := store.announced(); !slices.Equal(got, announced) {
		t.Errorf("announced %q, want %q", got, announced)
	}
}

func TestCheckImport(t *testing.T) {
	t.Parallel()
	service, _ := setup(t, stored(id, draft(relic, "BE", "2026-03-01", "2026-05-01"), 2))
	records := map[int]entry.Draft{
		0: draft(chair, "NL", "", ""),
		1: draft(chair, "NL", "2026-03-01", ""),           // appears twice
		2: draft(chair, "BE", "2026-03-01", "2026-02-01"), // ends before it starts
		3: draft(relic, "NL", "", ""),                     // discontinued
		4: draft(relic, "BE", "2026-03-01", "2026-06-01"), // ends later
		5: draft(nobody, "XX", "", ""),                    // unknown
	}
	list := make([]entry.Draft, len(records))
	for i, d := range records {
		list[i] = d
	}
	bad := map[int]error{}
	err := service.CheckImport(t.Context(), slices.All(list), at, func(i int, err error) { bad[i] = err })
	if err != nil {
		t.Fatal(err)
	}
	want := map[int][]string{
		1: {"/market"}, 2: {"/availability_end_date"}, 3: {"/product"}, 4: {"/availability_end_date"},
		5: {"/product", "/market"},
	}
	for i := range records {
		if got := pointers(bad[i]); !slices.Equal(got, want[i]) {
			t.Errorf("record %d: faults at %q, want %q", i, got, want[i])
		}
	}
}

// at returns how messages name the records of an import.
func at(i int) string { return fmt.Sprint("line ", i) }

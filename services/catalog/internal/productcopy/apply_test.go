package productcopy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// memTx keeps the rows as a database would, and records the calls to the entries.
type memTx struct {
	rows  map[uuid.UUID]productcopy.ProductRow
	saved int
	calls []string
}

func newMemTx() *memTx { return &memTx{rows: map[uuid.UUID]productcopy.ProductRow{}} }

func (tx *memTx) LockProducts(_ context.Context, ids []uuid.UUID) (rows []productcopy.ProductRow, _ error) {
	if !slices.IsSortedFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		return nil, fmt.Errorf("locks out of order: %v", ids)
	}
	for _, id := range ids {
		if row, ok := tx.rows[id]; ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (tx *memTx) SaveProducts(_ context.Context, rows []productcopy.ProductRow) error {
	for _, row := range rows {
		tx.rows[row.ID] = row
		tx.saved++
	}
	return nil
}

func (tx *memTx) Entries() entry.Tx { return nil }

// entries records the calls about products. The products must be saved before.
type entries struct{ tx *memTx }

func (e entries) EndForProducts(_ context.Context, _ entry.Tx, turned map[uuid.UUID]time.Time) error {
	return e.note("end", turned)
}

func (e entries) DeleteForProducts(_ context.Context, _ entry.Tx, turned map[uuid.UUID]time.Time) error {
	return e.note("delete", turned)
}

func (e entries) note(what string, turned map[uuid.UUID]time.Time) error {
	if e.tx.saved == 0 {
		return fmt.Errorf("%s before the products are saved", what)
	}
	for id := range turned {
		e.tx.calls = append(e.tx.calls, fmt.Sprintf("%s %x v%d", what, id[0], turned[id].Hour()))
	}
	return nil
}

var (
	chair = uuid.UUID{0xc}
	day   = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

// at returns the time of the version.
func at(version int64) time.Time { return day.Add(time.Duration(version) * time.Hour) }

func state(version int64, name string, discontinued bool) productcopy.ProductChange {
	return productcopy.ProductChange{
		ID: chair, Change: copyrow.Change{Version: version, Time: at(version)},
		ProductData: productcopy.ProductData{
			Name: name, Category: "Furniture", Discontinued: discontinued, UpdatedAt: at(version),
		},
	}
}

func on(version int64) productcopy.ProductChange  { return state(version, "a", false) }
func off(version int64) productcopy.ProductChange { return state(version, "a", true) }

func deleted(version int64) productcopy.ProductChange {
	return productcopy.ProductChange{
		ID: chair, Change: copyrow.Change{Version: version, Time: at(version), Deleted: true},
	}
}

func TestApplyProducts(t *testing.T) {
	t.Parallel()
	purge := productcopy.ProductChange{ID: chair, Change: copyrow.Change{Purged: true, Time: at(9)}}
	type changes = []productcopy.ProductChange
	tests := map[string]struct {
		changes changes
		want    string   // version, deleted, name, discontinued
		calls   []string // the calls to the entries
	}{
		"First":                {changes{on(1)}, "1 false a false", nil},
		"FirstIsLater":         {changes{on(4)}, "4 false a false", nil},
		"Gap":                  {changes{on(1), state(5, "b", false)}, "5 false b false", nil},
		"Repeated":             {changes{on(1), state(1, "b", true)}, "1 false a false", nil},
		"Older":                {changes{state(2, "b", false), off(1)}, "2 false b false", nil},
		"Discontinued":         {changes{on(1), off(2)}, "2 false a true", []string{"end c v2"}},
		"StaysDiscontinued":    {changes{off(2), off(3)}, "3 false a true", []string{"end c v2"}},
		"FirstIsDiscontinued":  {changes{off(3)}, "3 false a true", []string{"end c v3"}},
		"ComesBackOnSale":      {changes{off(2), on(3)}, "3 false a false", []string{"end c v2"}},
		"DiscontinuedRepeated": {changes{off(2), on(3), off(2)}, "3 false a false", []string{"end c v2"}},
		"Deleted":              {changes{on(1), deleted(2)}, "2 true  false", []string{"delete c v2"}},
		"DeletedTwice":         {changes{on(1), deleted(2), deleted(3)}, "3 true  false", []string{"delete c v2"}},
		"DeletedThenLate":      {changes{on(1), deleted(3), off(2)}, "3 true  false", []string{"delete c v3"}}, // invariant 7
		"DeletedIsFirst":       {changes{deleted(3)}, "3 true  false", []string{"delete c v3"}},
		"EndedThenDeleted":     {changes{off(2), deleted(3)}, "3 true  false", []string{"end c v2", "delete c v3"}},
		"ComesBack":            {changes{on(1), deleted(2), state(3, "b", false)}, "3 false b false", []string{"delete c v2"}},
		"Purged":               {changes{on(2), purge}, "2 true  false", []string{"delete c v9"}},
		"PurgedThenLate":       {changes{on(2), purge, on(1), on(2)}, "2 true  false", []string{"delete c v9"}},
		"PurgedThenNewer":      {changes{on(2), purge, state(3, "b", false)}, "3 false b false", []string{"delete c v9"}},
		"PurgedUnknown":        {changes{purge}, "none", nil},
		"PurgedThenUnknown":    {changes{purge, on(1)}, "1 false a false", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, size := range map[string]int{"in one batch": len(tt.changes), "one by one": 1} {
				tx := apply(t, newMemTx(), tt.changes, size)
				got := "none"
				if row, ok := tx.rows[chair]; ok {
					got = fmt.Sprintf("%d %t %s %t", row.Version, row.Deleted, row.Name, row.Discontinued)
				}
				if got != tt.want {
					t.Errorf("%s: %q, want %q", how, got, tt.want)
				}
				if !slices.Equal(tx.calls, tt.calls) {
					t.Errorf("%s: calls to entries %q, want %q", how, tx.calls, tt.calls)
				}
			}
		})
	}
}

// TestApplyProductsTurnedTwice: the existing entries end on the earlier day. If the changes came one by one, the second
// discontinuation would find no open entry.
func TestApplyProductsTurnedTwice(t *testing.T) {
	t.Parallel()
	tx := apply(t, newMemTx(), []productcopy.ProductChange{on(1), off(2), on(3), off(4)}, 4)
	if !slices.Equal(tx.calls, []string{"end c v2"}) {
		t.Errorf("calls to entries %q", tx.calls)
	}
}

// TestAnOldVersionChangesNothing brings versions in one fixed order: 3, then 2, then 3 again with other data.
func TestAnOldVersionChangesNothing(t *testing.T) {
	t.Parallel()
	for how, size := range map[string]int{"in one batch": 3, "one by one": 1} {
		tx := apply(t, newMemTx(), []productcopy.ProductChange{state(3, "new", false), off(2), state(3, "repeated", true)}, size)
		if row := tx.rows[chair]; row != rowOf(state(3, "new", false)) || len(tx.calls) > 0 {
			t.Errorf("%s: an old version changed the copy: %+v, calls to entries %q", how, row, tx.calls)
		}
	}
}

// fataler has the methods that *testing.T and *rapid.T share here.
type fataler interface {
	Helper()
	Context() context.Context
	Fatal(args ...any)
}

func apply(t fataler, tx *memTx, changes []productcopy.ProductChange, size int) *memTx {
	t.Helper()
	service := productcopy.NewService(nil, entries{tx})
	for batch := range slices.Chunk(changes, max(size, 1)) {
		if err := service.ApplyProducts(t.Context(), tx, batch); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// Versions may come in any order, repeatedly, and in batches of any size. The copy must end in the state of the newest
// version of each product (invariant 4).
func TestApplyProductsAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var history []productcopy.ProductChange
		want := map[uuid.UUID]productcopy.ProductRow{}
		for p := range rapid.IntRange(1, 4).Draw(t, "products") {
			for v := range rapid.Int64Range(1, 6).Draw(t, "versions") {
				change := state(v+1, fmt.Sprintf("p%d v%d", p, v+1), rapid.Bool().Draw(t, "discontinued"))
				if rapid.Bool().Draw(t, "deleted") {
					change = deleted(v + 1)
				}
				change.ID = uuid.UUID{byte(p)}
				history = append(history, change)
				want[change.ID] = rowOf(change)
			}
		}
		deliveries := slices.Clone(history)
		deliveries = append(deliveries, rapid.SliceOf(rapid.SampledFrom(history)).Draw(t, "repeated")...)
		deliveries = rapid.Permutation(deliveries).Draw(t, "deliveries")

		tx := apply(t, newMemTx(), deliveries, rapid.IntRange(1, len(deliveries)).Draw(t, "batch size"))

		if !maps.Equal(tx.rows, want) {
			t.Fatalf("got %+v, want %+v", tx.rows, want)
		}
		saved := tx.saved
		apply(t, tx, deliveries, len(deliveries))
		if tx.saved != saved || !maps.Equal(tx.rows, want) {
			t.Fatal("applying it all again changed something")
		}
	})
}

func rowOf(c productcopy.ProductChange) productcopy.ProductRow {
	row := productcopy.ProductRow{ID: c.ID, Row: copyrow.Row{Version: c.Version, Deleted: c.Deleted}}
	if row.ProductData = c.ProductData; c.Deleted {
		row.UpdatedAt = c.Time
	}
	return row
}

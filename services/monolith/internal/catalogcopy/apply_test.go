package catalogcopy_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// memTx keeps the rows as a database would.
type memTx struct {
	markets map[string]catalogcopy.MarketRow
	entries map[uuid.UUID]catalogcopy.EntryRow
}

func newMemTx() *memTx {
	return &memTx{markets: map[string]catalogcopy.MarketRow{}, entries: map[uuid.UUID]catalogcopy.EntryRow{}}
}

func (tx *memTx) LockMarkets(_ context.Context, codes []string) (rows []catalogcopy.MarketRow, _ error) {
	if !slices.IsSorted(codes) {
		return nil, fmt.Errorf("locks out of order: %q", codes)
	}
	for _, code := range codes {
		if row, ok := tx.markets[code]; ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (tx *memTx) LockEntries(_ context.Context, ids []uuid.UUID) (rows []catalogcopy.EntryRow, _ error) {
	for _, id := range ids {
		if row, ok := tx.entries[id]; ok {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (tx *memTx) AddMarkets(_ context.Context, codes []string) error {
	for _, code := range codes {
		if _, ok := tx.markets[code]; !ok {
			tx.markets[code] = catalogcopy.MarketRow{ISOCode: code}
		}
	}
	return nil
}

func (tx *memTx) AddEntries(_ context.Context, ids []uuid.UUID) error {
	for _, id := range ids {
		if _, ok := tx.entries[id]; !ok {
			tx.entries[id] = catalogcopy.EntryRow{ID: id}
		}
	}
	return nil
}

func (tx *memTx) SaveMarkets(_ context.Context, rows []catalogcopy.MarketRow) error {
	for _, row := range rows {
		tx.markets[row.ISOCode] = row
	}
	return nil
}

func (tx *memTx) SaveEntries(_ context.Context, rows []catalogcopy.EntryRow) error {
	for _, row := range rows {
		tx.entries[row.ID] = row
	}
	return nil
}

var day = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func at(version int64) time.Time { return day.Add(time.Duration(version) * time.Hour) }

func named(version int64, name string) catalogcopy.MarketChange {
	return catalogcopy.MarketChange{ISOCode: "NL", Change: copyrow.Change{Version: version, Time: at(version)},
		MarketData: catalogcopy.MarketData{Name: name, UpdatedAt: at(version)}}
}

func deleted(version int64) catalogcopy.MarketChange {
	return catalogcopy.MarketChange{ISOCode: "NL", Change: copyrow.Change{Version: version, Time: at(version), Deleted: true}}
}

func TestApplyMarkets(t *testing.T) {
	t.Parallel()
	purge := catalogcopy.MarketChange{ISOCode: "NL", Change: copyrow.Change{Purged: true}}
	tests := map[string]struct {
		changes []catalogcopy.MarketChange
		want    string // version, deleted, name
	}{
		"First":             {[]catalogcopy.MarketChange{named(1, "a")}, "1 false a"},
		"FirstIsLater":      {[]catalogcopy.MarketChange{named(4, "a")}, "4 false a"},
		"Gap":               {[]catalogcopy.MarketChange{named(1, "a"), named(5, "b")}, "5 false b"},
		"Repeated":          {[]catalogcopy.MarketChange{named(1, "a"), named(1, "other")}, "1 false a"},
		"Older":             {[]catalogcopy.MarketChange{named(2, "b"), named(1, "a")}, "2 false b"},
		"Deleted":           {[]catalogcopy.MarketChange{named(1, "a"), deleted(2)}, "2 true "},
		"DeletedThenLate":   {[]catalogcopy.MarketChange{named(1, "a"), deleted(3), named(2, "b")}, "3 true "},
		"DeletedIsFirst":    {[]catalogcopy.MarketChange{deleted(3)}, "3 true "},
		"ComesBack":         {[]catalogcopy.MarketChange{named(1, "a"), deleted(2), named(3, "c")}, "3 false c"},
		"Purged":            {[]catalogcopy.MarketChange{named(2, "a"), purge}, "2 true "},
		"PurgedThenLate":    {[]catalogcopy.MarketChange{named(2, "a"), purge, named(1, "z"), named(2, "a")}, "2 true "},
		"PurgedThenNewer":   {[]catalogcopy.MarketChange{named(2, "a"), purge, named(3, "c")}, "3 false c"},
		"PurgedThenUnknown": {[]catalogcopy.MarketChange{purge, named(1, "a")}, "1 false a"},
		"PurgedUnknown":     {[]catalogcopy.MarketChange{purge}, "none"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch, one := newMemTx(), newMemTx()
			if err := catalogcopy.ApplyMarkets(t.Context(), batch, tt.changes); err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.changes {
				if err := catalogcopy.ApplyMarkets(t.Context(), one, []catalogcopy.MarketChange{c}); err != nil {
					t.Fatal(err)
				}
			}
			for how, tx := range map[string]*memTx{"in one batch": batch, "one by one": one} {
				got := "none"
				if row, ok := tx.markets["NL"]; ok {
					got = fmt.Sprintf("%d %t %s", row.Version, row.Deleted, row.Name)
				}
				if got != tt.want {
					t.Errorf("%s: %q, want %q", how, got, tt.want)
				}
			}
		})
	}
}

func TestApplyEntryBeforeItsMarket(t *testing.T) {
	t.Parallel()
	tx, id := newMemTx(), uuid.UUID{1}
	entry := catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Version: 2, Time: at(2)},
		EntryData: catalogcopy.EntryData{Product: uuid.UUID{2}, Market: "NL", Start: &day, UpdatedAt: at(2)}}
	if err := catalogcopy.ApplyEntries(t.Context(), tx, []catalogcopy.EntryChange{entry}); err != nil {
		t.Fatal(err)
	}
	if stub, ok := tx.markets["NL"]; !ok || stub.Version != 0 {
		t.Errorf("market %+v, want a stub", stub)
	}
	if err := catalogcopy.ApplyMarkets(t.Context(), tx, []catalogcopy.MarketChange{named(1, "Netherlands")}); err != nil {
		t.Fatal(err)
	}
	if row := tx.markets["NL"]; row.Version != 1 || row.Name != "Netherlands" {
		t.Errorf("market %+v", row)
	}
	late := entry
	late.Version, late.End = 1, &day
	gone := catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Version: 3, Time: at(3), Deleted: true}}
	if err := catalogcopy.ApplyEntries(t.Context(), tx, []catalogcopy.EntryChange{late, gone, entry}); err != nil {
		t.Fatal(err)
	}
	if row := tx.entries[id]; row.Version != 3 || !row.Deleted || row.End != nil || !row.UpdatedAt.Equal(at(3)) {
		t.Errorf("entry %+v", row)
	}
	purge := catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Purged: true}}
	if err := catalogcopy.ApplyEntries(t.Context(), tx, []catalogcopy.EntryChange{purge}); err != nil {
		t.Fatal(err)
	}
	if row := tx.entries[id]; row != (catalogcopy.EntryRow{ID: id, Row: copyrow.Row{Version: 3, Deleted: true}}) {
		t.Errorf("entry %+v, want it blank", row)
	}
}

// TestAnOldVersionChangesNothing brings versions in one fixed order: 3, then 2, then 3 again with other data.
func TestAnOldVersionChangesNothing(t *testing.T) {
	t.Parallel()
	id := uuid.UUID{1}
	entry := func(version int64, market string) catalogcopy.EntryChange {
		return catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Version: version, Time: at(version)},
			EntryData: catalogcopy.EntryData{Product: uuid.UUID{2}, Market: market, UpdatedAt: at(version)}}
	}
	markets := []catalogcopy.MarketChange{named(3, "new"), named(2, "old"), named(3, "repeated")}
	entries := []catalogcopy.EntryChange{entry(3, "NL"), entry(2, "BE"), entry(3, "DE")}
	for how, size := range map[string]int{"in one batch": 3, "one by one": 1} {
		tx := newMemTx()
		for batch := range slices.Chunk(markets, size) {
			if err := catalogcopy.ApplyMarkets(t.Context(), tx, batch); err != nil {
				t.Fatal(err)
			}
		}
		for batch := range slices.Chunk(entries, size) {
			if err := catalogcopy.ApplyEntries(t.Context(), tx, batch); err != nil {
				t.Fatal(err)
			}
		}
		if row := tx.markets["NL"]; row.Version != 3 || row.Name != "new" {
			t.Errorf("%s: an old version changed the copy of a market: %+v", how, row)
		}
		if row := tx.entries[id]; row.Version != 3 || row.Market != "NL" {
			t.Errorf("%s: an old version changed the copy of an entry: %+v", how, row)
		}
	}
}

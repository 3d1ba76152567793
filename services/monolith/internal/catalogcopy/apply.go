package catalogcopy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
)

// MarketChange is an event of a market. MarketData is its whole new state, unless the market was deleted or purged.
type MarketChange struct {
	ISOCode string
	copyrow.Change
	MarketData
}

// MarketData is the data of a market's copy.
type MarketData struct {
	Name      string
	UpdatedAt time.Time
}

// EntryChange is an event of a catalog entry. EntryData is its whole new state, unless the entry was deleted or purged.
type EntryChange struct {
	ID uuid.UUID
	copyrow.Change
	EntryData
}

// EntryData is the data of an entry's copy.
type EntryData struct {
	Product   uuid.UUID
	Market    string
	Start     *time.Time
	End       *time.Time
	UpdatedAt time.Time
}

// MarketRow is a stored copy of a market.
type MarketRow struct {
	ISOCode string
	copyrow.Row
	MarketData
}

// EntryRow is a stored copy of an entry.
type EntryRow struct {
	ID uuid.UUID
	copyrow.Row
	EntryData
}

// Tx is the storage in the transaction that applies events. It cannot append events: a copy that announced its changes
// would start a loop of events.
type Tx interface {
	// LockMarkets and LockEntries lock the rows in the order of their keys, and return the rows that exist.
	LockMarkets(ctx context.Context, codes []string) ([]MarketRow, error)
	LockEntries(ctx context.Context, ids []uuid.UUID) ([]EntryRow, error)
	// AddMarkets and AddEntries make a stub for each key that has no row, and give it an integer for the legacy API.
	AddMarkets(ctx context.Context, codes []string) error
	AddEntries(ctx context.Context, ids []uuid.UUID) error
	// SaveMarkets and SaveEntries overwrite locked rows.
	SaveMarkets(ctx context.Context, rows []MarketRow) error
	SaveEntries(ctx context.Context, rows []EntryRow) error
}

// ApplyMarkets applies changes to the copies, in the order of their topic. A version that a copy already has, or an older
// one, changes nothing.
func ApplyMarkets(ctx context.Context, tx Tx, changes []MarketChange) error {
	all, known := keys(changes, func(c MarketChange) (string, copyrow.Change) { return c.ISOCode, c.Change }, strings.Compare)
	if err := tx.AddMarkets(ctx, known); err != nil {
		return err
	}
	locked, err := tx.LockMarkets(ctx, all)
	if err != nil {
		return err
	}
	rows, changed := map[string]MarketRow{}, map[string]MarketRow{}
	for _, row := range locked {
		rows[row.ISOCode] = row
	}
	for _, c := range changes {
		row := rows[c.ISOCode]
		if !row.Take(c.Change) {
			continue
		}
		switch {
		case c.Purged:
			row.MarketData = MarketData{}
		case c.Deleted: // blank, so that the copy does not depend on the events that came earlier
			row.MarketData = MarketData{UpdatedAt: c.Time}
		default:
			row.MarketData = c.MarketData
		}
		rows[c.ISOCode], changed[c.ISOCode] = row, row
	}
	return tx.SaveMarkets(ctx, sorted(changed, strings.Compare))
}

// ApplyEntries applies changes to the copies, as ApplyMarkets does. A market of which no event has come yet gets a stub when
// an entry refers to it (H6 arrival across partitions).
func ApplyEntries(ctx context.Context, tx Tx, changes []EntryChange) error {
	all, known := keys(changes, func(c EntryChange) (uuid.UUID, copyrow.Change) { return c.ID, c.Change }, compareUUIDs)
	if err := tx.AddEntries(ctx, known); err != nil {
		return err
	}
	locked, err := tx.LockEntries(ctx, all)
	if err != nil {
		return err
	}
	rows, changed := map[uuid.UUID]EntryRow{}, map[uuid.UUID]EntryRow{}
	markets := map[string]struct{}{}
	for _, row := range locked {
		rows[row.ID] = row
	}
	for _, c := range changes {
		row := rows[c.ID]
		if !row.Take(c.Change) {
			continue
		}
		switch {
		case c.Purged:
			row.EntryData = EntryData{}
		case c.Deleted:
			row.EntryData = EntryData{UpdatedAt: c.Time}
		default:
			row.EntryData = c.EntryData
			markets[c.Market] = struct{}{}
		}
		rows[c.ID], changed[c.ID] = row, row
	}
	if err := tx.AddMarkets(ctx, slices.Sorted(maps.Keys(markets))); err != nil {
		return err
	}
	return tx.SaveEntries(ctx, sorted(changed, compareUUIDs))
}

// keys returns the distinct keys of the changes, sorted. all has every key; known leaves out the keys that have purges
// only. Rows are locked in the order of their keys, so that the batches of two partitions cannot deadlock.
func keys[C any, K comparable](changes []C, of func(C) (K, copyrow.Change), compare func(a, b K) int) (all, known []K) {
	for _, c := range changes {
		key, change := of(c)
		all = append(all, key)
		if !change.Purged {
			known = append(known, key)
		}
	}
	slices.SortFunc(all, compare)
	slices.SortFunc(known, compare)
	return slices.Compact(all), slices.Compact(known)
}

func sorted[K comparable, R any](rows map[K]R, compare func(a, b K) int) []R {
	list := make([]R, 0, len(rows))
	for _, key := range slices.SortedFunc(maps.Keys(rows), compare) {
		list = append(list, rows[key])
	}
	return list
}

func compareUUIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }

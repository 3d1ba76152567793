package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	day  = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

func market(code string, version int64) catalogcopy.MarketChange {
	at := noon.Add(time.Duration(version) * time.Hour)
	return catalogcopy.MarketChange{ISOCode: code, Change: copyrow.Change{Version: version, Time: at},
		MarketData: catalogcopy.MarketData{Name: "Market " + code, UpdatedAt: at}}
}

func entry(id, product uuid.UUID, code string, version int64) catalogcopy.EntryChange {
	at := noon.Add(time.Duration(version) * time.Hour)
	return catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Version: version, Time: at},
		EntryData: catalogcopy.EntryData{Product: product, Market: code, Start: &day, UpdatedAt: at}}
}

func (b *bundle) applyMarkets(t *testing.T, changes ...catalogcopy.MarketChange) {
	t.Helper()
	err := b.apply(t.Context(), func(tx catalogcopy.Tx) error { return catalogcopy.ApplyMarkets(t.Context(), tx, changes) })
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) applyEntries(t *testing.T, changes ...catalogcopy.EntryChange) {
	t.Helper()
	err := b.apply(t.Context(), func(tx catalogcopy.Tx) error { return catalogcopy.ApplyEntries(t.Context(), tx, changes) })
	if err != nil {
		t.Fatal(err)
	}
}

// entries returns the list as "id product market".
func (b *bundle) entries(t *testing.T, q catalogcopy.EntryQuery) string {
	t.Helper()
	var got []string
	for e, err := range b.copies.ListEntries(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %d %d", e.ID, e.Product, e.Market))
	}
	return strings.Join(got, ", ")
}

// markets returns the list as "id code name".
func (b *bundle) markets(t *testing.T, q catalogcopy.MarketQuery) string {
	t.Helper()
	var got []string
	for m, err := range b.copies.ListMarkets(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s %s", m.ID, m.ISOCode, m.Name))
	}
	return strings.Join(got, ", ")
}

// TestEntryBeforeItsMarket replays H6 arrival across partitions: an entry arrives before its market or its product.
func TestEntryBeforeItsMarket(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	first, second := uuid.New(), uuid.New()
	b.applyEntries(t, entry(first, p.UUID, "NL", 1), entry(second, uuid.New(), "NL", 1))
	if got := b.entries(t, catalogcopy.EntryQuery{}) + b.markets(t, catalogcopy.MarketQuery{}); got != "" {
		t.Errorf("shown before the market is known: %s", got)
	}
	b.applyMarkets(t, market("BE", 1), market("NL", 1))
	if got := b.markets(t, catalogcopy.MarketQuery{}); got != "1 NL Market NL, 2 BE Market BE" {
		t.Errorf("markets %s", got)
	}
	// The second entry's product is not known here.
	var id int64
	for e, err := range b.copies.ListEntries(t.Context(), catalogcopy.EntryQuery{}) {
		if err != nil || e.Product != p.ID || e.Market != 1 || e.Version != 1 || !e.Start.Equal(day) || e.End != nil || !e.UpdatedAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("entry %+v, %v", e, err)
		}
		id = e.ID
	}
	if e, err := b.copies.Entry(t.Context(), id); err != nil || e.ID != id || e.Product != p.ID {
		t.Errorf("entry %+v, %v", e, err)
	}
	if _, err := b.copies.Entry(t.Context(), id+1); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("no entry: %v", err)
	}
}

// TestRebuildRenumbersNothing replays H16 rebuilt copy: old integrations know the integers, so they must not change.
func TestRebuildRenumbersNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	for i, code := range []string{"NL", "BE", "LU"} {
		b.applyMarkets(t, market(code, 1))
		b.applyEntries(t, entry(ids[i], p.UUID, code, 1))
	}
	entries, markets := b.entries(t, catalogcopy.EntryQuery{}), b.markets(t, catalogcopy.MarketQuery{})
	if entries != "1 1 1, 2 1 2, 3 1 3" {
		t.Errorf("entries %s", entries)
	}
	if _, err := b.pool.Exec(t.Context(), "TRUNCATE market_copy, catalog_entry_copy"); err != nil {
		t.Fatal(err)
	}
	b.applyEntries(t, entry(ids[2], p.UUID, "LU", 1), entry(ids[0], p.UUID, "NL", 1), entry(ids[1], p.UUID, "BE", 1))
	b.applyMarkets(t, market("BE", 1), market("LU", 1), market("NL", 1))
	if got := b.entries(t, catalogcopy.EntryQuery{}); got != entries {
		t.Errorf("entries %s, before %s", got, entries)
	}
	if got := b.markets(t, catalogcopy.MarketQuery{}); got != markets {
		t.Errorf("markets %s, before %s", got, markets)
	}
	b.applyMarkets(t, market("AT", 1)) // rows that already had an integer took no new one
	if got := b.markets(t, catalogcopy.MarketQuery{Search: "at"}); got != "4 AT Market AT" {
		t.Errorf("a new market: %s", got)
	}
}

func TestCopiesKeepDeletedRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, id := b.create(t, "Desk", "Furniture"), uuid.New()
	b.applyMarkets(t, market("NL", 1))
	b.applyEntries(t, entry(id, p.UUID, "NL", 2))
	gone := entry(id, p.UUID, "NL", 3)
	gone.Deleted, gone.EntryData = true, catalogcopy.EntryData{}
	b.applyEntries(t, gone)
	b.applyEntries(t, entry(id, p.UUID, "NL", 2)) // late
	if got := b.entries(t, catalogcopy.EntryQuery{}); got != "" {
		t.Errorf("a deleted entry came back: %s", got)
	}
	b.applyEntries(t, entry(id, p.UUID, "NL", 4))
	if got := b.entries(t, catalogcopy.EntryQuery{}); got != "1 1 1" {
		t.Errorf("created again: %s", got)
	}
	b.applyEntries(t, catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Purged: true}})
	var blank bool
	if err := b.pool.QueryRow(t.Context(), `SELECT version = 4 AND deleted AND product_uuid IS NULL AND market IS NULL
		AND availability_date IS NULL AND updated_at IS NULL FROM catalog_entry_copy`).Scan(&blank); err != nil || !blank {
		t.Errorf("a purge left data, %v", err)
	}
	b.applyMarkets(t, catalogcopy.MarketChange{ISOCode: "NL", Change: copyrow.Change{Purged: true}})
	if got := b.markets(t, catalogcopy.MarketQuery{}); got != "" {
		t.Errorf("a purged market is shown: %s", got)
	}
}

func TestListCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk, lamp := b.create(t, "Desk", "Furniture"), b.create(t, "Lamp", "Furniture")
	b.applyMarkets(t, market("NL", 3))
	b.applyMarkets(t, market("BE", 1))
	b.applyMarkets(t, market("LU", 2))
	for _, e := range []catalogcopy.EntryChange{
		entry(uuid.New(), desk.UUID, "NL", 5), entry(uuid.New(), desk.UUID, "BE", 4), entry(uuid.New(), lamp.UUID, "NL", 4),
	} {
		b.applyEntries(t, e)
	}
	for name, tt := range map[string]struct {
		q    catalogcopy.EntryQuery
		want string
	}{
		"All":          {catalogcopy.EntryQuery{}, "1 1 1, 2 1 2, 3 2 1"},
		"Reversed":     {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{Desc: true}}, "3 2 1, 2 1 2, 1 1 1"},
		"Updated":      {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByUpdatedAt}}, "2 1 2, 3 2 1, 1 1 1"},
		"Latest":       {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByUpdatedAt, Desc: true}}, "1 1 1, 3 2 1, 2 1 2"},
		"Product":      {catalogcopy.EntryQuery{Product: desk.ID}, "1 1 1, 2 1 2"},
		"Market":       {catalogcopy.EntryQuery{Market: 1}, "1 1 1, 3 2 1"},
		"Both":         {catalogcopy.EntryQuery{Product: lamp.ID, Market: 1}, "3 2 1"},
		"Neither":      {catalogcopy.EntryQuery{Product: 99}, ""},
		"Page":         {catalogcopy.EntryQuery{Limit: 1, After: &catalogcopy.Position{ID: 1}}, "2 1 2"},
		"Code":         {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}}, "2 1 2, 1 1 1, 3 2 1"},
		"CodeReversed": {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode, Desc: true}}, "3 2 1, 1 1 1, 2 1 2"},
		"PageOfCode":   {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}, After: &catalogcopy.Position{ID: 1, Market: 1}}, "3 2 1"},
		"CodeFound":    {catalogcopy.EntryQuery{Search: "e", Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}, Limit: 2}, "2 1 2, 1 1 1"},
		"CodeOfMarket": {catalogcopy.EntryQuery{Market: 1, Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}, After: &catalogcopy.Position{ID: 1, Market: 1}}, "3 2 1"},
		"PageOfUpdated": {catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByUpdatedAt},
			After: &catalogcopy.Position{ID: 2, Time: noon.Add(4 * time.Hour)}}, "3 2 1, 1 1 1"},
	} {
		if got := b.entries(t, tt.q); got != tt.want {
			t.Errorf("entries %s: %s, want %s", name, got, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		q    catalogcopy.MarketQuery
		want string
	}{
		"All":      {catalogcopy.MarketQuery{}, "NL BE LU"},
		"Code":     {catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}}, "BE LU NL"},
		"Name":     {catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByName, Desc: true}}, "NL LU BE"},
		"Updated":  {catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByUpdatedAt}}, "BE LU NL"},
		"Search":   {catalogcopy.MarketQuery{Search: "market l"}, "LU"},
		"NextPage": {catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByISOCode}, After: &catalogcopy.Position{Text: "LU", ID: 3}}, "NL"},
	} {
		var codes []string
		for m := range strings.SplitSeq(b.markets(t, tt.q), ", ") {
			codes = append(codes, strings.Fields(m)[1])
		}
		if got := strings.Join(codes, " "); got != tt.want {
			t.Errorf("markets %s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestBatchesDoNotWaitInACircle: the batches of two partitions add the stubs of the same markets. Each batch locks them in
// the order of their codes, and not in the order of its events.
func TestBatchesDoNotWaitInACircle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	codes := []string{"AT", "BE", "CH", "DE", "ES", "FR", "GB", "HR", "IT", "JP"}
	var all errgroup.Group
	for n := range 8 {
		mine := slices.Clone(codes)
		if n%2 == 1 {
			slices.Reverse(mine)
		}
		all.Go(func() error {
			return b.apply(t.Context(), func(tx catalogcopy.Tx) error {
				var changes []catalogcopy.EntryChange
				for _, code := range mine {
					changes = append(changes, entry(uuid.New(), uuid.New(), code, 1))
				}
				return catalogcopy.ApplyEntries(t.Context(), tx, changes)
			})
		})
	}
	all.Go(func() error {
		return b.apply(t.Context(), func(tx catalogcopy.Tx) error {
			var changes []catalogcopy.MarketChange
			for _, code := range slices.Backward(codes) {
				changes = append(changes, market(code, 1))
			}
			return catalogcopy.ApplyMarkets(t.Context(), tx, changes)
		})
	})
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	var deadlocks, stubs int
	err := b.pool.QueryRow(t.Context(), `SELECT (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()),
		(SELECT count(*) FROM market_copy WHERE version = 0)`).Scan(&deadlocks, &stubs)
	if err != nil || deadlocks != 0 || stubs != 0 {
		t.Errorf("%d deadlocks, %d stubs left, %v", deadlocks, stubs, err)
	}
	if got := strings.Count(b.markets(t, catalogcopy.MarketQuery{}), "Market"); got != len(codes) {
		t.Errorf("%d markets", got)
	}
}

package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

func TestMarketLives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.market(t, "CI")
	if got, err := b.markets.Get(t.Context(), "CI"); err != nil || got != m {
		t.Errorf("read %+v, %v\nwant %+v", got, err, m)
	}
	_, err := b.markets.Create(t.Context(), m.Draft, nil)
	wantCode(t, err, "market-exists")
	changed, err := b.markets.Patch(t.Context(), "CI", market.Patch{Name: new("Côte d'Ivoire 😀")}, condition.Match{1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.markets.Get(t.Context(), "CI"); err != nil || got != changed {
		t.Errorf("read %+v, %v\nwant %+v", got, err, changed)
	}
	e := b.entry(t, b.product(t), "CI", "", "")
	wantCode(t, errOf(b.markets.Delete(t.Context(), "CI", nil)), "market-in-use")
	if _, err := b.entries.Delete(t.Context(), e.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.markets.Delete(t.Context(), "CI", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.markets.Get(t.Context(), "CI"); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("deleted: %v", err)
	}
	back := b.market(t, "CI")
	if got, err := b.markets.Get(t.Context(), "CI"); err != nil || got != back || got.Version != 4 || !got.CreatedAt.After(m.CreatedAt) {
		t.Errorf("came back as %+v, %v", got, err)
	}
	if got := b.events(t, "CI"); got != "created 1, updated 2, deleted 3, created 4" {
		t.Errorf("announced %s", got)
	}
	if got := b.woken.Load(); got != 6 {
		t.Errorf("the relay was woken %d times for 6 changes", got)
	}
}

func TestEntryLives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	chair := b.product(t)
	e := b.entry(t, chair, "NL", "0001-01-01", "9999-12-31")
	if got, err := b.entries.Get(t.Context(), e.ID); err != nil || got != e {
		t.Errorf("read %+v, %v\nwant %+v", got, err, e)
	}
	_, err := b.entries.Create(t.Context(), draft(chair, "NL", "", ""), nil)
	wantCode(t, err, "entry-exists")
	changed, err := b.entries.Replace(t.Context(), e.ID, entry.Patch{End: new(date("2026-03-01"))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.entries.Get(t.Context(), e.ID); err != nil || got != changed {
		t.Errorf("read %+v, %v\nwant %+v", got, err, changed)
	}
	if same, err := b.entries.Patch(t.Context(), e.ID, entry.Patch{End: new(date("2026-03-01"))}, nil); err != nil || same != changed {
		t.Errorf("a change of nothing: %+v, %v", same, err)
	}
	if _, err := b.entries.Delete(t.Context(), e.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.entries.Get(t.Context(), e.ID); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("deleted: %v", err)
	}
	if again := b.entry(t, chair, "NL", "", ""); again.ID == e.ID || again.Version != 1 {
		t.Errorf("a new entry in a deleted one's place: %+v", again)
	}
	if got := b.events(t, e.ID.String()); got != "created 1, updated 2, deleted 3" {
		t.Errorf("announced %s", got)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	onceMarket := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{9}}
	m, err := b.markets.Create(t.Context(), market.Draft{ISOCode: "NL", Name: "Netherlands"}, onceMarket)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.markets.Create(t.Context(), m.Draft, onceMarket); err != nil || again != m {
		t.Errorf("answered %+v, %v; want %+v", again, err, m)
	}
	onceEntry := &condition.Once{ID: [32]byte{2}, Fingerprint: [32]byte{9}}
	d := draft(b.product(t), "NL", "2026-03-01", "")
	e, err := b.entries.Create(t.Context(), d, onceEntry)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.entries.Create(t.Context(), d, onceEntry); err != nil || again != e {
		t.Errorf("answered %+v, %v; want %+v", again, err, e)
	}
	_, err = b.entries.Create(t.Context(), d, &condition.Once{ID: onceEntry.ID})
	wantCode(t, err, "idempotency-key-reused")
}

func TestCheckImport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	b.market(t, "BE")
	chair, relic := b.product(t), b.product(t)
	b.entry(t, relic, "BE", "2026-03-01", "")
	b.apply(t, state(relic, 2, "Relic", true))
	records := []entry.Draft{
		draft(chair, "NL", "", ""), draft(newID(), "NL", "", ""), draft(chair, "XX", "", ""), draft(relic, "NL", "", ""),
		draft(relic, "BE", "2026-03-01", "2026-11-23"),
	}
	bad := map[int]error{}
	err := b.entries.CheckImport(t.Context(), slices.All(records), strconv.Itoa, func(i int, err error) { bad[i] = err })
	if err != nil || len(bad) != 3 || bad[1] == nil || bad[2] == nil || bad[3] == nil {
		t.Errorf("faults %v, %v", bad, err)
	}
	for i, want := range map[int]entry.Outcome{0: entry.ImportedNew, 4: entry.ImportedNothing} {
		if _, got, err := b.entries.Import(t.Context(), records[i]); err != nil || got != want {
			t.Errorf("record %d: outcome %d, %v; want %d", i, got, err, want)
		}
	}
	_, _, err = b.entries.Import(t.Context(), records[3])
	wantCode(t, err, "invalid")
}

// TestConcurrentChanges replays two concurrent updates of the same version. The second update waits for the row's lock, so
// that each update gets its own version, without a gap.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	e := b.entry(t, b.product(t), "NL", "2026-03-01", "")
	const changes = 24
	var all errgroup.Group
	for i := range changes {
		all.Go(func() error {
			_, err := b.entries.Patch(t.Context(), e.ID, entry.Patch{End: new(date(fmt.Sprintf("2026-04-%02d", i+1)))}, nil)
			return err
		})
		all.Go(func() error {
			_, err := b.markets.Patch(t.Context(), "NL", market.Patch{Name: new(fmt.Sprintf("Netherlands %d", i))}, nil)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	want := []string{"created 1"}
	for i := range changes {
		want = append(want, fmt.Sprintf("updated %d", i+2))
	}
	for _, key := range []string{e.ID.String(), "NL"} {
		if got := b.events(t, key); got != strings.Join(want, ", ") {
			t.Errorf("%s announced %s", key, got)
		}
	}
}

// TestConcurrentCreates: if many create the same thing at once, one succeeds.
func TestConcurrentCreates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	chair := b.product(t)
	const callers = 8
	errs := make(chan error, 2*callers)
	for range callers {
		go func() {
			_, err := b.entries.Create(t.Context(), draft(chair, "NL", "", ""), nil)
			errs <- err
		}()
		go func() {
			_, err := b.markets.Create(t.Context(), market.Draft{ISOCode: "BE", Name: "Belgium"}, nil)
			errs <- err
		}()
	}
	created := 0
	for range 2 * callers {
		if err := <-errs; err == nil {
			created++
		} else if apperr.KindOf(err) != apperr.Conflict {
			t.Error(err)
		}
	}
	if created != 2 || b.events(t, "BE") != "created 1" {
		t.Errorf("%d created, the market announced %s", created, b.events(t, "BE"))
	}
}

// TestNoChangeWithoutItsEvent: the deferred triggers refuse a change without its event, also from other programs.
func TestNoChangeWithoutItsEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.market(t, "NL")
	b.market(t, "BE")
	e := b.entry(t, b.product(t), "NL", "", "")
	raw := func(sql string) func() error {
		return func() error {
			_, err := b.pool.Exec(t.Context(), sql)
			return err
		}
	}
	tests := map[string]struct {
		do   func() error
		code string
	}{
		"ForgottenMarket": {func() error {
			return b.store.Markets().InTx(t.Context(), func(tx market.Tx) error {
				next := m
				next.Version, next.Name = 2, "Holland"
				return tx.SaveMarket(t.Context(), next)
			})
		}, "MS001"},
		"ForgottenEntry": {func() error {
			return b.store.Entries().InTx(t.Context(), func(tx entry.Tx) error {
				next := e
				next.ID, next.Version, next.Market = newID(), 1, "NL"
				next.Product = newID()
				return tx.InsertEntry(t.Context(), next)
			})
		}, "MS001"},
		"MarketSameVersion": {raw("UPDATE market SET name = 'Holland'"), "MS001"},
		"EntryNextVersion":  {raw("UPDATE catalog_entry SET version = 2"), "MS001"},
		"DeleteMarket":      {raw("DELETE FROM market WHERE iso_code = 'BE'"), "MS002"},
		"DeleteEntry":       {raw("DELETE FROM catalog_entry"), "MS002"},
		"TruncateEntries":   {raw("TRUNCATE catalog_entry"), "MS002"},
		"TruncateBoth":      {raw("TRUNCATE market, catalog_entry"), "MS002"},
	}
	for name, tt := range tests {
		if err := tt.do(); pgtx.SQLState(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	if got, err := b.entries.Get(t.Context(), e.ID); err != nil || got != e {
		t.Errorf("the entry is now %+v, %v", got, err)
	}
}

// TestFailedChangeDoesNotWakeTheRelay: a change that is rolled back leaves no rows, and does not wake the relay.
func TestFailedChangeDoesNotWakeTheRelay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := errors.New("broken")
	err := b.store.Markets().InTx(t.Context(), func(tx market.Tx) error {
		m := market.Market{Draft: market.Draft{ISOCode: "NL", Name: "Netherlands"}, Version: 1}
		if err := tx.InsertMarket(t.Context(), m); err != nil {
			return err
		}
		if err := tx.Append(t.Context(), market.Event{ID: newID(), Kind: market.Created, Market: m}); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || b.woken.Load() != 0 {
		t.Errorf("got %v, woken %d times", err, b.woken.Load())
	}
	var left int
	err = b.pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM market) + (SELECT count(*) FROM outbox_event)").Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}

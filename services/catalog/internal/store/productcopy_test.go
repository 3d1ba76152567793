package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// listed returns the products as "name version".
func (b *bundle) listed(t *testing.T, q productcopy.Query) string {
	t.Helper()
	var got []string
	for p, err := range b.products.List(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d", p.Name, p.Version))
	}
	return strings.Join(got, ", ")
}

// TestRenameChain replays H6 arrival across partitions: the second product takes the first product's name before the event
// arrives with which the first product gives it up. With the owner's unique index on names, this would be a dead letter.
func TestRenameChain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := newID(), newID()
	byName := productcopy.Query{Sort: productcopy.Sort{By: productcopy.ByName}}
	b.apply(t, state(first, 1, "Chair", false), state(second, 1, "Stool", false))
	b.apply(t, state(second, 2, "Chair", false))
	if got := b.listed(t, byName); got != "Chair 1, Chair 2" {
		t.Errorf("before the event of the first product: %s", got)
	}
	b.apply(t, state(first, 2, "Armchair", false))
	if got := b.listed(t, byName); got != "Armchair 2, Chair 2" {
		t.Errorf("in the end %s", got)
	}
}

// TestDeletedStaysDeleted: a late event does not bring a deleted product back (invariant 7).
func TestDeletedStaysDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	id := newID()
	b.apply(t, state(id, 1, "Chair", false))
	e := b.entry(t, id, "NL", "", "")
	b.apply(t, deleted(id, 3))
	b.apply(t, state(id, 2, "Armchair", true)) // late
	if _, err := b.products.Get(t.Context(), id); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("read: %v", err)
	}
	_, err := b.entries.Create(t.Context(), draft(id, "NL", "", ""), nil)
	wantCode(t, err, "unknown-reference")
	if got := b.events(t, e.ID.String()); got != "created 1, deleted 2" {
		t.Errorf("the entry announced %s", got)
	}
	var blank bool
	if err := b.pool.QueryRow(t.Context(), `SELECT version = 3 AND deleted AND name IS NULL AND product_category IS NULL
		FROM product_copy`).Scan(&blank); err != nil || !blank {
		t.Errorf("a deletion left data, %v", err)
	}
	b.apply(t, state(id, 4, "Chair", false)) // its owner may bring it back
	if got := b.listed(t, productcopy.Query{}); got != "Chair 4" {
		t.Errorf("listed %s", got)
	}
	b.apply(t, productcopy.ProductChange{ID: id, Change: copyrow.Change{Purged: true}})
	if got := b.listed(t, productcopy.Query{IncludeDiscontinued: true}); got != "" {
		t.Errorf("purged, and listed %s", got)
	}
}

// TestEntriesFollow: entries end or are deleted with their products, in the same transaction. Each change has one event.
func TestEntriesFollow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	b.market(t, "BE")
	chair, stool := b.product(t), b.product(t)
	open, later := b.entry(t, chair, "NL", "2026-03-01", ""), b.entry(t, chair, "BE", "2027-01-01", "2027-12-31")
	other := b.entry(t, stool, "NL", "2026-03-01", "")

	b.apply(t, state(chair, 2, "Chair", true))
	b.apply(t, state(chair, 2, "Chair", true), state(chair, 3, "Chair", true)) // the second event does not change the state
	b.apply(t, state(chair, 4, "Chair", false))                                // a product that is on sale again opens no entry

	for _, tt := range []struct {
		id     uuid.UUID
		end    string
		events string
	}{
		{open.ID, "2026-11-23", "created 1, updated 2"}, {later.ID, "2027-01-01", "created 1, updated 2"},
		{other.ID, "", "created 1"},
	} {
		e, err := b.entries.Get(t.Context(), tt.id)
		if err != nil || e.End.String() != tt.end || b.events(t, tt.id.String()) != tt.events {
			t.Errorf("%+v, %v, announced %s; want %s", e, err, b.events(t, tt.id.String()), tt.events)
		}
	}
	b.apply(t, state(chair, 5, "Chair", true), deleted(chair, 6))
	if got := b.events(t, open.ID.String()); got != "created 1, updated 2, deleted 3" {
		t.Errorf("announced %s", got)
	}
}

// TestNothingNewAppendsNothing: an event that changes no state appends no events.
func TestNothingNewAppendsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market(t, "NL")
	chair := b.product(t)
	b.entry(t, chair, "NL", "", "")
	b.apply(t, state(chair, 3, "Chair", true))
	before := b.outbox(t)
	b.apply(t, state(chair, 3, "Chair", true), state(chair, 2, "Stool", false), state(chair, 1, "Chair", false))
	if after := b.outbox(t); after != before {
		t.Errorf("%d events became %d", before, after)
	}
	if got := b.listed(t, productcopy.Query{IncludeDiscontinued: true}); got != "Chair 3" {
		t.Errorf("the copy went back: %s", got)
	}
}

func (b *bundle) outbox(t *testing.T) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "SELECT count(*) FROM outbox_event").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestListProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []uuid.UUID{{1}, {2}, {3}, {4}, {5}}
	changes := []productcopy.ProductChange{
		state(ids[0], 3, "b", false), state(ids[1], 1, "B", false), state(ids[2], 2, "GRÜN", false),
		state(ids[3], 9, "old b", true), deleted(ids[4], 4),
	}
	changes[1].Category = "A"
	b.apply(t, changes...)
	by := func(f productcopy.Field, desc bool) productcopy.Sort { return productcopy.Sort{By: f, Desc: desc} }
	for name, tt := range map[string]struct {
		q    productcopy.Query
		want string
	}{
		"All":          {productcopy.Query{}, "b 3, B 1, GRÜN 2"},
		"Reversed":     {productcopy.Query{Sort: by(productcopy.ByID, true)}, "GRÜN 2, B 1, b 3"},
		"Name":         {productcopy.Query{Sort: by(productcopy.ByName, false)}, "B 1, GRÜN 2, b 3"},
		"Category":     {productcopy.Query{Sort: by(productcopy.ByCategory, false)}, "B 1, b 3, GRÜN 2"},
		"Updated":      {productcopy.Query{Sort: by(productcopy.ByUpdatedAt, false)}, "B 1, GRÜN 2, b 3"},
		"Latest":       {productcopy.Query{Sort: by(productcopy.ByUpdatedAt, true), IncludeDiscontinued: true}, "old b 9, b 3, GRÜN 2, B 1"},
		"Discontinued": {productcopy.Query{IncludeDiscontinued: true, Search: "B"}, "b 3, B 1, old b 9"},
		"InCategory":   {productcopy.Query{Category: "A"}, "B 1"},
		"Search":       {productcopy.Query{Search: "grün"}, "GRÜN 2"},
		"Page":         {productcopy.Query{Limit: 1, After: &productcopy.Position{ID: ids[0]}}, "B 1"},
		"PageOfNames":  {productcopy.Query{Sort: by(productcopy.ByName, false), After: &productcopy.Position{ID: ids[1], Text: "B"}}, "GRÜN 2, b 3"},
	} {
		if got := b.listed(t, tt.q); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestAddedMeanwhile: the event of a new product is applied while a dead letter of its older version is replayed. Neither
// transaction finds a row to lock. The older version waits, and must not overwrite the newer one afterwards.
func TestAddedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := newID()
	add := func(version int64, stop func(error) error) error {
		return b.inTx(t.Context(), func(tx productcopy.Tx) error {
			change := state(id, version, fmt.Sprint("Chair ", version), false)
			return stop(b.products.ApplyProducts(t.Context(), tx, []productcopy.ProductChange{change}))
		})
	}
	g := newGate()
	newer, older := b.race(t, g, func() error { return add(2, g.stop) }, func() error { return add(1, pass) })
	if newer != nil || older == nil {
		t.Errorf("newer: %v, older: %v", newer, older)
	}
	if err := add(1, pass); err != nil {
		t.Errorf("the older one, tried again: %v", err)
	}
	if got := b.listed(t, productcopy.Query{}); got != "Chair 2 2" {
		t.Errorf("the copy is %s", got)
	}
}

// TestBatchesDoNotWaitInACircle: batches lock their rows in the order of the ids, and not in the order of their events.
// Callers that create and change entries at the same time lock products before entries.
func TestBatchesDoNotWaitInACircle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var products []uuid.UUID
	for range 10 {
		products = append(products, b.product(t))
	}
	codes := []string{"AT", "BE", "CH", "DE"}
	for _, code := range codes {
		b.market(t, code)
	}
	var all errgroup.Group
	for n := range 8 {
		mine := slices.Clone(products)
		if n%2 == 1 {
			slices.Reverse(mine)
		}
		all.Go(func() error {
			return b.inTx(t.Context(), func(tx productcopy.Tx) error {
				var changes []productcopy.ProductChange
				for _, id := range mine {
					changes = append(changes, state(id, int64(n+2), "Chair", n%3 == 1))
				}
				return b.products.ApplyProducts(t.Context(), tx, changes)
			})
		})
		all.Go(func() error {
			for _, id := range mine {
				_, err := b.entries.Create(t.Context(), draft(id, codes[n%len(codes)], "2026-03-01", ""), nil)
				switch apperr.KindOf(err) {
				case apperr.Conflict, apperr.Invalid: // the entry exists already, or its product is discontinued
				default:
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	b.apply(t, stateOfAll(products, 20, true)...)
	rows, err := b.pool.Query(t.Context(), "SELECT id::text FROM catalog_entry WHERE availability_end_date IS NULL")
	if err != nil {
		t.Fatal(err)
	}
	if open, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(open) != 0 {
		t.Errorf("entries of discontinued products are open: %v, %v", open, err)
	}
	var deadlocks int
	err = b.pool.QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks)
	if err != nil || deadlocks != 0 {
		t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
}

func stateOfAll(ids []uuid.UUID, version int64, discontinued bool) (changes []productcopy.ProductChange) {
	for _, id := range ids {
		changes = append(changes, state(id, version, "Chair", discontinued))
	}
	slices.SortFunc(changes, func(a, b productcopy.ProductChange) int { return -cmp.Compare(a.ID.String(), b.ID.String()) })
	return changes
}

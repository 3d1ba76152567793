package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// The tests here fill every field of a model, and demand that each is back after a round trip through PostgreSQL.

func newOnce(n int) [32]byte { return [32]byte{byte(n)} }

func newDate(n int) entry.Date { return entry.DateOf(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }

func TestMappingOfMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inTx := func(f func(market.Tx) error) {
		t.Helper()
		if err := b.store.Markets().InTx(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	inserted := fill.Of[market.Market](t, 0)
	inserted.Version, inserted.Deleted = 1, false // as the database demands it of a new market
	once := fill.Of[condition.Once](t, 0, newOnce)
	inTx(func(tx market.Tx) error {
		if err := tx.InsertMarket(t.Context(), inserted); err != nil {
			return err
		}
		if err := tx.Remember(t.Context(), once, inserted); err != nil {
			return err
		}
		return tx.Append(t.Context(), market.Event{ID: uuid.New(), Kind: market.Created, Time: inserted.UpdatedAt, Market: inserted})
	})
	read, err := b.markets.Get(t.Context(), inserted.ISOCode)
	if err != nil {
		t.Fatal(err)
	}
	fill.Same(t, "market.Market → store.InsertMarket → store.Market → market.Market", inserted, read, nil)
	for listed, err := range b.markets.List(t.Context(), market.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "market.Market → store.InsertMarket → store.Markets → market.Market", inserted, listed, nil)
	}
	inTx(func(tx market.Tx) error {
		first, _, err := tx.Recall(t.Context(), once)
		fill.Same(t, "market.Market → store.Remember → store.Recall → market.Market", inserted, first, nil)
		return err
	})

	// Every field of the next market differs from what was there before, also the booleans: they were false.
	m := b.market(t, "ZZ")
	saved := fill.Of[market.Market](t, 100)
	saved.ISOCode, saved.Version = m.ISOCode, m.Version+1 // a market keeps its code
	inTx(func(tx market.Tx) error {
		if err := tx.SaveMarket(t.Context(), saved); err != nil {
			return err
		}
		locked, _, err := tx.LockMarket(t.Context(), m.ISOCode) // finds deleted markets too
		fill.Same(t, "market.Market → store.SaveMarket → store.LockMarket → market.Market", saved, locked, nil)
		if err != nil {
			return err
		}
		return tx.Append(t.Context(), market.Event{ID: uuid.New(), Kind: market.Deleted, Time: saved.UpdatedAt, Market: saved})
	})
}

func TestMappingOfEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inTx := func(f func(entry.Tx) error) {
		t.Helper()
		if err := b.store.Entries().InTx(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	inserted := fill.Of[entry.Entry](t, 0, newDate)
	inserted.Version, inserted.Deleted = 1, false // as the database demands it of a new entry
	b.market(t, inserted.Market)
	once := fill.Of[condition.Once](t, 0, newOnce)
	inTx(func(tx entry.Tx) error {
		if err := tx.InsertEntry(t.Context(), inserted); err != nil {
			return err
		}
		if err := tx.Remember(t.Context(), once, inserted); err != nil {
			return err
		}
		return tx.Append(t.Context(), entry.Event{ID: uuid.New(), Kind: entry.Created, Time: inserted.UpdatedAt, Entry: inserted})
	})
	read, err := b.entries.Get(t.Context(), inserted.ID)
	if err != nil {
		t.Fatal(err)
	}
	fill.Same(t, "entry.Entry → store.InsertEntry → store.Entry → entry.Entry", inserted, read, nil)
	for listed, err := range b.entries.List(t.Context(), entry.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "entry.Entry → store.InsertEntry → store.Entries → entry.Entry", inserted, listed, nil)
	}
	inTx(func(tx entry.Tx) error {
		first, _, err := tx.Recall(t.Context(), once)
		fill.Same(t, "entry.Entry → store.Remember → store.Recall → entry.Entry", inserted, first, nil)
		return err
	})

	// One entry is saved by another statement than several. Every field that can change does, from its zero value.
	product := b.product(t)
	for i, codes := range [][]string{{"XA"}, {"XB", "XC"}} {
		var entries []entry.Entry
		var events []entry.Event
		for j, code := range codes {
			b.market(t, code)
			old := b.entry(t, product, code, "", "")
			saved := fill.Of[entry.Entry](t, 1+10*(i+j), newDate)
			saved.ID, saved.Product, saved.Market, saved.CreatedAt = old.ID, old.Product, old.Market, old.CreatedAt // never change
			saved.Version, saved.Deleted = old.Version+1, false                                                     // a deleted entry is hidden
			entries = append(entries, saved)
			events = append(events, entry.Event{ID: uuid.New(), Kind: entry.Updated, Time: saved.UpdatedAt, Entry: saved})
		}
		inTx(func(tx entry.Tx) error {
			if err := tx.SaveEntries(t.Context(), entries...); err != nil {
				return err
			}
			return tx.Append(t.Context(), events...)
		})
		for _, saved := range entries {
			read, err := b.entries.Get(t.Context(), saved.ID)
			if err != nil {
				t.Fatal(err)
			}
			fill.Same(t, "entry.Entry → store.SaveEntries → store.Entry → entry.Entry", saved, read, nil)
		}
	}
}

func TestMappingOfProductCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := fill.Of[productcopy.ProductRow](t, 0)
	save := func(row productcopy.ProductRow) (saved productcopy.ProductRow) {
		t.Helper()
		err := b.inTx(t.Context(), func(tx productcopy.Tx) error {
			if err := tx.SaveProducts(t.Context(), []productcopy.ProductRow{row}); err != nil {
				return err
			}
			rows, err := tx.LockProducts(t.Context(), []uuid.UUID{row.ID})
			saved = rows[0]
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return saved
	}
	const stored = "productcopy.ProductRow → store.SaveProducts → store.LockProducts → productcopy.ProductRow"
	save(productcopy.ProductRow{ID: row.ID}) // so that every field is changed, too
	fill.Same(t, stored+", of an old row", row, save(row), nil)
	other := fill.Of[productcopy.ProductRow](t, 100)
	fill.Same(t, stored+", of a new row", other, save(other), nil)

	row.Deleted = false // a deleted product is hidden, as other is
	save(row)
	read, err := b.products.Get(t.Context(), row.ID)
	if err != nil {
		t.Fatal(err)
	}
	hidden := fill.Internal{"Deleted": "deleted products are hidden", "Digest": "only compares two events of a version"}
	const shown = "productcopy.ProductRow → store.Product → productcopy.Product"
	fill.SameByName(t, shown, row, read, hidden)
	fill.Set(t, shown, read, nil)
	for listed, err := range b.products.List(t.Context(), productcopy.Query{IncludeDiscontinued: true}) {
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "productcopy.Product: store.Product, store.Products", read, listed, nil)
	}
}

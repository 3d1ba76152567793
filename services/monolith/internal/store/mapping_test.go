package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// The tests here fill every field of a model, and demand that each is back after a round trip through PostgreSQL.

func TestMappingOfProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inserted := fill.Of[product.Product](t, 0)
	inserted.Version, inserted.Deleted = 1, false // as the database demands it of a new product
	once := fill.Of[condition.Once](t, 0, func(n int) [32]byte { return [32]byte{byte(n)} })
	inTx(t, b, func(tx product.Tx) (err error) {
		if inserted, err = tx.InsertProduct(t.Context(), inserted); err != nil {
			return err
		}
		if err := tx.Remember(t.Context(), once, inserted); err != nil {
			return err
		}
		return tx.Append(t.Context(), product.Event{ID: uuid.New(), Kind: product.Created, Time: inserted.UpdatedAt, Product: inserted})
	})
	read, err := b.products.Get(t.Context(), inserted.ID)
	if err != nil {
		t.Fatal(err)
	}
	fill.Same(t, "product.Product → store.InsertProduct → store.Product → product.Product", inserted, read, nil)
	for listed, err := range b.products.List(t.Context(), product.Query{IncludeDiscontinued: true}) {
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "product.Product → store.InsertProduct → store.Products → product.Product", inserted, listed, nil)
	}
	inTx(t, b, func(tx product.Tx) error {
		first, _, err := tx.Recall(t.Context(), once)
		fill.Same(t, "product.Product → store.Remember → store.Recall → product.Product", inserted, first, nil)
		return err
	})

	// Every field of the next product differs from what was there before, also the booleans: they were false.
	p := b.create(t, "other", "other")
	saved := fill.Of[product.Product](t, 100)
	saved.ID, saved.UUID, saved.Version = p.ID, p.UUID, p.Version+1 // a product keeps its ids
	inTx(t, b, func(tx product.Tx) error {
		if err := tx.SaveProduct(t.Context(), saved); err != nil {
			return err
		}
		locked, _, err := tx.LockProductByUUID(t.Context(), p.UUID) // finds deleted products too
		fill.Same(t, "product.Product → store.SaveProduct → store.LockProductByUUID → product.Product", saved, locked, nil)
		if err != nil {
			return err
		}
		return tx.Append(t.Context(), product.Event{ID: uuid.New(), Kind: product.Deleted, Time: saved.UpdatedAt, Product: saved})
	})
}

func TestMappingOfMarketCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	row := fill.Of[catalogcopy.MarketRow](t, 0)
	save := func(row catalogcopy.MarketRow) catalogcopy.MarketRow { return saveMarket(t, b, row) }
	fill.Same(t, "catalogcopy.MarketRow → store.SaveMarkets → store.LockMarkets → catalogcopy.MarketRow", row, save(row), nil)
	row.Deleted = false // a deleted market is hidden
	save(row)
	for shown, err := range b.copies.ListMarkets(t.Context(), catalogcopy.MarketQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		const place = "catalogcopy.MarketRow → store.Markets → catalogcopy.Market"
		fill.SameByName(t, place, row, shown, fill.Internal{
			"Version": "the legacy API shows no version of a market", "Deleted": "deleted markets are hidden",
			"Digest": "only compares two events of a version",
		})
		fill.Set(t, place, shown, nil)
	}
}

func TestMappingOfEntryCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	newDay := func(n int) *time.Time { day := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC); return &day }
	row := fill.Of[catalogcopy.EntryRow](t, 0, newDay)
	save := func(row catalogcopy.EntryRow) (saved catalogcopy.EntryRow) {
		err := b.apply(t.Context(), func(tx catalogcopy.Tx) error {
			if err := tx.AddEntries(t.Context(), []uuid.UUID{row.ID}); err != nil {
				return err
			}
			if err := tx.SaveEntries(t.Context(), []catalogcopy.EntryRow{row}); err != nil {
				return err
			}
			rows, err := tx.LockEntries(t.Context(), []uuid.UUID{row.ID})
			saved = rows[0]
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return saved
	}
	fill.Same(t, "catalogcopy.EntryRow → store.SaveEntries → store.LockEntries → catalogcopy.EntryRow", row, save(row), nil)

	// An entry is shown when its product and its market are known.
	row.Deleted = false
	row.Product = b.create(t, "Chair", "Furniture").UUID
	save(row)
	saveMarket(t, b, catalogcopy.MarketRow{ISOCode: row.Market, Row: row.Row, MarketData: catalogcopy.MarketData{Name: "x", UpdatedAt: row.UpdatedAt}})
	shown := 0
	for e, err := range b.copies.ListEntries(t.Context(), catalogcopy.EntryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		shown++
		const place = "catalogcopy.EntryRow → store.Entries → catalogcopy.Entry"
		fill.SameByName(t, place, row, e, fill.Internal{
			"ID": "becomes the monolith's own integer", "Product": "becomes the monolith's own integer",
			"Market": "becomes the monolith's own integer", "Deleted": "deleted entries are hidden",
			"Digest": "only compares two events of a version",
		})
		fill.Set(t, place, e, nil)
		read, err := b.copies.Entry(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		fill.Same(t, "catalogcopy.Entry: store.Entries, store.Entry", e, read, nil)
	}
	if shown != 1 {
		t.Errorf("%d entries are shown, want 1", shown)
	}
}

func saveMarket(t *testing.T, b *bundle, row catalogcopy.MarketRow) (saved catalogcopy.MarketRow) {
	t.Helper()
	err := b.apply(t.Context(), func(tx catalogcopy.Tx) error {
		if err := tx.AddMarkets(t.Context(), []string{row.ISOCode}); err != nil {
			return err
		}
		if err := tx.SaveMarkets(t.Context(), []catalogcopy.MarketRow{row}); err != nil {
			return err
		}
		rows, err := tx.LockMarkets(t.Context(), []string{row.ISOCode})
		saved = rows[0]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func inTx(t *testing.T, b *bundle, f func(product.Tx) error) {
	t.Helper()
	if err := b.store.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

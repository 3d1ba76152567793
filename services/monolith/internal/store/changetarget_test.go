package store_test

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	saveMarket(t, b, catalogcopy.MarketRow{ISOCode: "DE", Row: copyrow.Row{Version: 2, Deleted: true}})
	for market, code := range map[int64]string{0: "", 1: "NL", 2: "DE", 3: ""} {
		err := b.store.Changes().InTx(t.Context(), func(tx catalogchange.Tx) error {
			refs, err := tx.References(t.Context(), chair.ID, market)
			if got := refs.Market; (got == nil) != (code == "") || got != nil && *got != code || refs.Product == nil || *refs.Product != chair.UUID || refs.ProductVersion != 1 {
				t.Errorf("market %d: %+v", market, refs)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	shown, deleted, stub, hidden := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	b.entry(t, shown, chair.UUID, 3, false)
	b.entry(t, deleted, chair.UUID, 2, true)
	b.entry(t, hidden, uuid.New(), 1, false) // of a product that is not known here
	if err := b.apply(t.Context(), func(tx catalogcopy.Tx) error { return tx.AddEntries(t.Context(), []uuid.UUID{stub}) }); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int64]catalogchange.Target{
		1: {Entry: shown, Product: chair.UUID, ProductVersion: 1, Copy: catalogchange.Copy{Version: 3}},
		2: {Entry: deleted, Copy: catalogchange.Copy{Version: 2, Deleted: true}},
		3: {Entry: hidden, Copy: catalogchange.Copy{Version: 1}},
		4: {Entry: stub},
	} {
		got, err := b.store.Changes().Target(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.store.Changes().Copy(t.Context(), got.Entry)
		if err != nil || !reflect.DeepEqual(again, got.Copy) {
			t.Errorf("the copy of entry %d is %+v, %v", id, again, err)
		}
		if id == 1 {
			listed, err := b.copies.Entry(t.Context(), id)
			if err != nil || got.Copy.Shown == nil || !reflect.DeepEqual(*got.Copy.Shown, listed) {
				t.Errorf("entry %d is shown as %+v, %v, want %+v", id, got.Copy.Shown, err, listed)
			}
			got.Copy.Shown = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("entry %d: %+v, want %+v", id, got, want)
		}
	}
	if _, err := b.store.Changes().Target(t.Context(), 5); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("an id that was not allotted: %v", err)
	}
	versions, err := b.store.EntryVersions(t.Context(), []uuid.UUID{shown, deleted, hidden, stub, uuid.New()})
	if want := map[uuid.UUID]int64{shown: 3, deleted: 2}; err != nil || !reflect.DeepEqual(versions, want) {
		t.Errorf("versions %v, %v", versions, err)
	}
}

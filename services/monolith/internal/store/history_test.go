package store_test

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

func (b *bundle) history(t *testing.T, p product.Product) []history.Version {
	t.Helper()
	versions, err := history.NewReader(b.pool).List(t.Context(), history.Object{Model: store.ModelProduct, Key: p.UUID.String()}, history.Newest, 100)
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

// Changes at the same time are all in the history, each with the name that the change before it has left.
func TestHistoryOfConcurrentChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	const changes = 16
	var all errgroup.Group
	for i := range changes {
		all.Go(func() error {
			_, err := b.products.Patch(t.Context(), p.ID, product.Patch{Name: new(fmt.Sprintf("Desk %d", i))}, nil)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	versions := b.history(t, p)
	if len(versions) != changes+1 {
		t.Fatalf("%d versions, want %d", len(versions), changes+1)
	}
	for i, v := range versions[:changes] {
		before := versions[i+1]
		if v.Version != int64(changes+1-i) || len(v.Fields) != 1 || v.Fields[0].Name != "name" || v.Fields[0].Old != before.Fields[0].New {
			t.Errorf("version %d has changed %+v, after %+v", v.Version, v.Fields, before.Fields)
		}
	}
}

// A change that is rolled back leaves no history.
func TestHistoryOfAChangeThatIsRolledBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	fails := errors.New("rolled back")
	err := b.store.InTx(t.Context(), func(tx product.Tx) error {
		p.Version, p.Name = 2, "Table"
		return errors.Join(tx.SaveProduct(t.Context(), p), tx.Append(t.Context(), product.Event{Kind: product.Updated, Product: p}), fails)
	})
	if !errors.Is(err, fails) || errors.Unwrap(err) != nil {
		t.Errorf("got %v", err)
	}
	if versions := b.history(t, p); len(versions) != 1 || versions[0].Kind != "created" {
		t.Errorf("the history has %+v", versions)
	}
}

package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

func TestProductLives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Grüner Tee 😀", "Tea")
	got, err := b.products.Get(t.Context(), p.ID)
	if err != nil || got != p {
		t.Errorf("read %+v, %v\nwant %+v", got, err, p)
	}
	off := true
	changed, err := b.products.Patch(t.Context(), p.ID, product.Patch{Discontinued: &off}, condition.Match{1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = b.products.Get(t.Context(), p.ID); err != nil || got != changed || !got.Discontinued {
		t.Errorf("read %+v, %v\nwant %+v", got, err, changed)
	}
	if same, err := b.products.Patch(t.Context(), p.ID, product.Patch{Discontinued: &off}, nil); err != nil || same != changed {
		t.Errorf("a change of nothing: %+v, %v", same, err)
	}
	if _, err := b.products.Delete(t.Context(), p.ID, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.products.Get(t.Context(), p.ID); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("deleted: %v", err)
	}
	back, outcome, err := b.products.Import(t.Context(), product.Record{UUID: p.UUID, Draft: p.Draft})
	if err != nil || outcome != product.ImportedNew || back.Version != 4 || back.ID != p.ID {
		t.Errorf("came back as %+v, %v", back, err)
	}
	if got := b.events(t, p.UUID.String()); got != "created 1, discontinued 2, deleted 3, created 4" {
		t.Errorf("announced %s", got)
	}
	if got := b.woken.Load(); got != 4 {
		t.Errorf("the relay was woken %d times for 4 changes", got)
	}
}

func TestNameTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk := b.create(t, "Desk", "Furniture")
	lamp := b.create(t, "Lamp", "Furniture")
	_, err := b.products.Create(t.Context(), desk.Draft, nil)
	wantCode(t, err, "product-exists")
	_, err = b.products.Patch(t.Context(), lamp.ID, product.Patch{Name: &desk.Name}, nil)
	wantCode(t, err, "product-exists")
	_, _, err = b.products.Import(t.Context(), product.Record{UUID: uuid.New(), Draft: desk.Draft})
	wantCode(t, err, "product-exists")
	taken, err := b.store.ProductsNamed(t.Context(), []product.Name{{Name: "Lamp", Category: "Furniture"}, {Name: "Lamp", Category: "Tea"}})
	if err != nil || len(taken) != 1 || taken[product.Name{Name: "Lamp", Category: "Furniture"}] != lamp.UUID {
		t.Errorf("taken %v, %v", taken, err)
	}
	if _, err := b.products.Delete(t.Context(), desk.ID, nil); err != nil {
		t.Fatal(err)
	}
	if again := b.create(t, "Desk", "Furniture"); again.ID == desk.ID || again.Version != 1 {
		t.Errorf("a new product of a deleted one's name: %+v", again)
	}
	if got := b.events(t, lamp.UUID.String()); got != "created 1" {
		t.Errorf("a refused change announced %s", got)
	}
}

// TestConcurrentChanges replays two concurrent updates of the same version. The second update waits for the row's lock, so
// that each update gets its own version, without a gap.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	const changes = 24
	var all errgroup.Group
	for i := range changes {
		all.Go(func() error {
			name := fmt.Sprintf("Desk %d", i)
			_, err := b.products.Patch(t.Context(), p.ID, product.Patch{Name: &name}, nil)
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
	if got := b.events(t, p.UUID.String()); got != strings.Join(want, ", ") {
		t.Errorf("announced %s", got)
	}
}

// TestConcurrentMatches has two callers that edit the same version. One of them must be refused as stale.
func TestConcurrentMatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	errs := make(chan error, 2)
	for i := range 2 {
		go func() {
			name := fmt.Sprintf("Desk %d", i)
			_, err := b.products.Patch(t.Context(), p.ID, product.Patch{Name: &name}, condition.Match{1})
			errs <- err
		}()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) || apperr.KindOf(errors.Join(first, second)) != apperr.Stale {
		t.Errorf("got %v and %v, want one success and one stale", first, second)
	}
}

// TestNoChangeWithoutItsEvent: the deferred trigger refuses a change without its event, also from other programs.
func TestNoChangeWithoutItsEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.create(t, "Desk", "Furniture")
	forget := func(f func(tx product.Tx) error) error { return b.store.InTx(t.Context(), f) }
	raw := func(sql string) error {
		_, err := b.pool.Exec(t.Context(), sql)
		return err
	}
	tests := map[string]struct {
		do   func() error
		code string
	}{
		"ForgottenUpdate": {func() error {
			return forget(func(tx product.Tx) error {
				next := p
				next.Version, next.Name = 2, "Table"
				return tx.SaveProduct(t.Context(), next)
			})
		}, "MS001"},
		"ForgottenInsert": {func() error {
			return forget(func(tx product.Tx) error {
				_, err := tx.InsertProduct(t.Context(), product.Product{UUID: uuid.New(), Draft: product.Draft{Name: "Bed", Category: "X"}, Version: 1})
				return err
			})
		}, "MS001"},
		"SameVersion": {func() error { return raw("UPDATE product SET name = 'Table'") }, "MS001"},
		"NextVersion": {func() error { return raw("UPDATE product SET version = 2") }, "MS001"},
		"Delete":      {func() error { return raw("DELETE FROM product") }, "MS002"},
		"Truncate":    {func() error { return raw("TRUNCATE product") }, "MS002"},
	}
	for name, tt := range tests {
		if err := tt.do(); pgtx.SQLState(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	if got, err := b.products.Get(t.Context(), p.ID); err != nil || got != p {
		t.Errorf("the product is now %+v, %v", got, err)
	}
}

// TestFailedChangeDoesNotWakeTheRelay: a change that is rolled back leaves no rows, and does not wake the relay.
func TestFailedChangeDoesNotWakeTheRelay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := errors.New("broken")
	err := b.store.InTx(t.Context(), func(tx product.Tx) error {
		p, err := tx.InsertProduct(t.Context(), product.Product{UUID: uuid.New(), Draft: product.Draft{Name: "Bed", Category: "X"}, Version: 1})
		if err != nil {
			return err
		}
		if err := tx.Append(t.Context(), product.Event{ID: uuid.New(), Kind: product.Created, Product: p}); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || b.woken.Load() != 0 {
		t.Errorf("got %v, woken %d times", err, b.woken.Load())
	}
	var left int
	if err := b.pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM product) + (SELECT count(*) FROM outbox_event)").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := apperr.As(err); !ok || e.Name() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

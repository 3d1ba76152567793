package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
)

func TestProductsAsTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fresh, renamed := b.create(t, "Fresh", "Tea"), b.create(t, "Renamed", "Tea")
	gone, off := b.create(t, "Gone", "Tea"), b.create(t, "Off", "Tea")
	name, yes := "Again", true
	for _, err := range []error{
		errOf(b.products.Patch(t.Context(), renamed.ID, product.Patch{Name: &name}, nil)),
		errOf(b.products.Patch(t.Context(), off.ID, product.Patch{Discontinued: &yes}, nil)),
		errOf(b.products.Delete(t.Context(), gone.ID, nil)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	model := b.store.ProductModel(messages.TopicProduct, uuid.New, publish.ReadProduct)
	types := servicetest.CurrentEvents(t, b.pool, model)
	for p, want := range map[product.Product]string{
		fresh: messages.TypeProductCreated, renamed: messages.TypeProductUpdated, off: messages.TypeProductUpdated, gone: messages.TypeProductDeleted,
	} {
		if types[p.UUID.String()] != want {
			t.Errorf("%s has an event of type %s", p.Name, types[p.UUID.String()])
		}
	}
	servicetest.Reassert(t, b.pool, model, "product")
}

// errOf returns the error of a call whose result does not matter.
func errOf[T any](_ T, err error) error { return err }

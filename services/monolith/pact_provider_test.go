//go:build pact

package monolith

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

//nolint:paralleltest // the native library reports to the one standard output
func TestProviderContracts(t *testing.T) {
	pact.Verify(t, "monolith", func(t *testing.T) pact.Provider {
		r := run(t)
		return pact.Provider{URL: r.url, States: r.states(t.Context()), Events: r.publications(t.Context())}
	})
}

func (r *running) states(ctx context.Context) map[string]func(pact.Params) error {
	return map[string]func(pact.Params) error{
		"no product": func(params pact.Params) error {
			id, err := uuid.Parse(params.Text("next_id"))
			r.nextID = &id
			return err
		},
		"a product": func(params pact.Params) error {
			_, err := r.announced(func() error {
				_, err := r.create(ctx, params.Text("product_uuid"), product.Draft{Name: "Rocking chair", Category: "Furniture"})
				return err
			})
			return err
		},
	}
}

// publications make the changes that events announce, of the first product.
func (r *running) publications(ctx context.Context) map[string]func() (pact.Published, error) {
	return map[string]func() (pact.Published, error){
		"a product created event": func() (pact.Published, error) {
			return r.announced(func() error {
				_, err := r.products.Create(ctx, product.Draft{Name: "Standing desk", Category: "Desks"}, nil)
				return err
			})
		},
		"a product updated event": func() (pact.Published, error) {
			return r.patched(ctx, product.Patch{Name: new("Rocking chair, oak")})
		},
		"a product discontinued event": func() (pact.Published, error) {
			return r.patched(ctx, product.Patch{Discontinued: new(true)})
		},
		"a product deleted event": func() (pact.Published, error) {
			return r.announced(func() error { return r.products.Delete(ctx, 1, nil) })
		},
	}
}

func (r *running) patched(ctx context.Context, p product.Patch) (pact.Published, error) {
	return r.announced(func() error {
		_, err := r.products.Patch(ctx, 1, p, nil)
		return err
	})
}

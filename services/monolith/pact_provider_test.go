//go:build pact

package monolith

import (
	"context"
	"errors"
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

func (r *running) states(ctx context.Context) map[string]func(pact.Params) (pact.Params, error) {
	return map[string]func(pact.Params) (pact.Params, error){
		"nothing": pact.Without(func(pact.Params) error { return nil }),
		"no product": pact.Without(func(params pact.Params) error {
			id, err := uuid.Parse(params.Text("next_id"))
			r.nextID = &id
			return err
		}),
		"a product": pact.Without(func(params pact.Params) error { return r.productExists(ctx, params.Text("product_uuid")) }),
		"a market":  pact.Without(func(pact.Params) error { return r.marketArrives(ctx, "NL", "Netherlands") }),
		"an entry without dates": pact.Without(func(pact.Params) error {
			return errors.Join(r.productExists(ctx, chairID), r.marketArrives(ctx, "NL", "Netherlands"), r.entryArrives(ctx, entryID, "NL", "null", "null"))
		}),
		"more entries than a page holds": func(pact.Params) (pact.Params, error) {
			if err := r.moreEntriesThanAPageHolds(ctx); err != nil {
				return nil, err
			}
			cursor, err := pact.NextCursor(ctx, r.url+"/api/v1/catalog?limit=200")
			return pact.Params{"cursor": cursor}, err
		},
	}
}

// productExists creates a product, and waits until its event is published.
func (r *running) productExists(ctx context.Context, id string) error {
	_, err := r.announced(ctx, func() error {
		_, err := r.create(ctx, id, product.Draft{Name: "Rocking chair", Category: "Furniture"})
		return err
	})
	return err
}

// moreEntriesThanAPageHolds offers a product in 201 markets.
func (r *running) moreEntriesThanAPageHolds(ctx context.Context) error {
	if err := r.productExists(ctx, chairID); err != nil {
		return err
	}
	for n := range 201 {
		code := string([]byte{byte('A' + n/26), byte('A' + n%26)})
		if err := errors.Join(r.marketArrives(ctx, code, "Market "+code),
			r.entryArrives(ctx, uuid.NewString(), code, `"2026-01-01"`, `"2026-12-31"`)); err != nil {
			return err
		}
	}
	return nil
}

// publications are the changes of the first product that the events announce.
func (r *running) publications(ctx context.Context) map[string]func() (pact.Published, error) {
	return map[string]func() (pact.Published, error){
		"a product created event": func() (pact.Published, error) {
			return r.announced(ctx, func() error {
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
			return r.announced(ctx, func() error { return errOf(r.products.Delete(ctx, 1, nil)) })
		},
	}
}

func (r *running) patched(ctx context.Context, p product.Patch) (pact.Published, error) {
	return r.announced(ctx, func() error {
		_, err := r.products.Patch(ctx, 1, p, nil)
		return err
	})
}

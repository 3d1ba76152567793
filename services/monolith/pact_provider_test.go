//go:build pact

package monolith

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
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
		"a product and a market without an entry": pact.Without(func(params pact.Params) error { return r.offerable(ctx, params) }),
		"an entry": pact.Without(func(params pact.Params) error {
			return errors.Join(r.offerable(ctx, params), r.entryArrives(ctx, params.Text("id"), params.Text("iso_code"), `"2026-01-01"`, `"2026-12-31"`))
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

// offerable creates a product and a market. The next request has the id that the state names.
func (r *running) offerable(ctx context.Context, params pact.Params) error {
	id, err := uuid.Parse(params.Text("next_id"))
	err = errors.Join(err, r.productExists(ctx, params.Text("product_uuid")), r.marketArrives(ctx, params.Text("iso_code"), "The market"))
	r.nextID = &id
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
	published := map[string]func() (pact.Published, error){
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
	maps.Copy(published, r.requests(ctx))
	return published
}

// requests are the changes that callers of the legacy API ask for: of a new entry of the first product in the first market,
// or of the first entry.
func (r *running) requests(ctx context.Context) map[string]func() (pact.Published, error) {
	create := func(start, end catalogchange.Date) func() (pact.Published, error) {
		return func() (pact.Published, error) {
			return r.announced(ctx, func() error {
				return errOf(r.changes.Create(ctx, catalogchange.Draft{Product: 1, Market: 1, Start: start, End: end}, nil))
			})
		}
	}
	patch := func(d catalogchange.Draft, match condition.Match) func() (pact.Published, error) {
		return func() (pact.Published, error) {
			return r.announced(ctx, func() error { return errOf(r.changes.Patch(ctx, 1, d, match, nil)) })
		}
	}
	day := func(month time.Month, day int) catalogchange.Date {
		return catalogchange.Date{Sent: true, Day: new(time.Date(2026, month, day, 0, 0, 0, 0, time.UTC))}
	}
	start, end := day(time.March, 1), day(time.September, 30)
	null, absent := catalogchange.Date{Sent: true}, catalogchange.Date{}
	return map[string]func() (pact.Published, error){
		"a request to create an entry, with both dates":                                    create(start, end),
		"a request to create an entry, with a date that is null and one that was not sent": create(null, absent),
		"a request to patch an entry, with a date that is null and one that was not sent":  patch(catalogchange.Draft{Start: null}, nil),
		"a request to patch an entry, if it is at a version":                               patch(catalogchange.Draft{End: end}, condition.Match{1}),
		"a request to patch the product of an entry":                                       patch(catalogchange.Draft{Product: 1, End: null}, nil),
		"a request to replace an entry, with only an end": func() (pact.Published, error) {
			return r.announced(ctx, func() error { return errOf(r.changes.Replace(ctx, 1, catalogchange.Draft{End: end}, nil, nil)) })
		},
		"a request to delete an entry": func() (pact.Published, error) {
			return r.announced(ctx, func() error { return errOf(r.changes.Delete(ctx, 1, nil, nil)) })
		},
	}
}

func (r *running) patched(ctx context.Context, p product.Patch) (pact.Published, error) {
	return r.announced(ctx, func() error {
		_, err := r.products.Patch(ctx, 1, p, nil)
		return err
	})
}

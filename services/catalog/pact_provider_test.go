//go:build pact

package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

//nolint:paralleltest // the native library reports to the one standard output
func TestProviderContracts(t *testing.T) {
	pact.Verify(t, "catalog", func(t *testing.T) pact.Provider {
		r := run(t)
		return pact.Provider{URL: r.url, States: r.states(t.Context()), Events: r.publications(t.Context())}
	})
}

func (r *running) states(ctx context.Context) map[string]func(pact.Params) (pact.Params, error) {
	return map[string]func(pact.Params) (pact.Params, error){
		"nothing":   pact.Without(func(pact.Params) error { return nil }),
		"no market": pact.Without(func(pact.Params) error { return nil }),
		"a market":  pact.Without(func(params pact.Params) error { return r.marketExists(ctx, params.Text("iso_code")) }),
		"a product and a market without an entry": pact.Without(func(params pact.Params) error {
			if err := r.offerable(ctx); err != nil {
				return err
			}
			id, err := uuid.Parse(params.Text("next_id"))
			r.nextID = &id
			return err
		}),
		"an entry": pact.Without(func(params pact.Params) error { return r.entryExists(ctx, params.Text("id")) }),
		"a product and a market that a request is about": pact.Without(func(params pact.Params) error {
			r.request = params.Text("request")
			return r.offerable(ctx)
		}),
		"an entry that a request is about": pact.Without(func(params pact.Params) error {
			r.request = params.Text("request")
			return r.entryExists(ctx, params.Text("id"))
		}),
		"a product": pact.Without(func(pact.Params) error { return r.productArrives(ctx, chairID, "Rocking chair") }),
		"an entry without end in a market": pact.Without(func(pact.Params) error {
			return errors.Join(r.offerable(ctx), r.createEntry(ctx, entryID, chairID, ""))
		}),
		"more entries in a market than a page holds": func(pact.Params) (pact.Params, error) {
			if err := r.manyEntries(ctx); err != nil {
				return nil, err
			}
			cursor, err := pact.NextCursor(ctx, r.url+"/catalog/api/v1?market=NL&available_on=2026-03-01&limit=200")
			return pact.Params{"cursor": cursor}, err
		},
	}
}

// manyEntries offers one product more in the Netherlands than fits on the largest page.
func (r *running) manyEntries(ctx context.Context) error {
	if err := r.createMarket(ctx, "NL", "Netherlands"); err != nil {
		return err
	}
	for n := range 201 {
		id := uuid.NewString()
		if err := errors.Join(r.productArrives(ctx, id, fmt.Sprint("Chair ", n)),
			r.createEntry(ctx, uuid.NewString(), id, "2026-12-31")); err != nil {
			return err
		}
	}
	return nil
}

// marketExists creates a market, and waits until its event is published.
func (r *running) marketExists(ctx context.Context, code string) error {
	_, err := r.announced(ctx, func() error { return r.createMarket(ctx, code, "Netherlands") })
	return err
}

// offerable creates a product and a market, so that an entry can be created.
func (r *running) offerable(ctx context.Context) error {
	return errors.Join(r.productArrives(ctx, chairID, "Rocking chair"), r.marketExists(ctx, "NL"))
}

// entryExists creates an entry until the end of 2026, and waits until its event is published.
func (r *running) entryExists(ctx context.Context, id string) error {
	if err := r.offerable(ctx); err != nil {
		return err
	}
	_, err := r.announced(ctx, func() error { return r.createEntry(ctx, id, chairID, "2026-12-31") })
	return err
}

// publications are the changes that the events announce.
func (r *running) publications(ctx context.Context) map[string]func() (pact.Published, error) {
	change := func(f func() error) func() (pact.Published, error) {
		return func() (pact.Published, error) { return r.announced(ctx, f) }
	}
	create := func(start, end string) func() (pact.Published, error) {
		return change(func() error {
			_, err := r.entries.Create(ctx, entry.Draft{Product: uuid.MustParse(chairID), Market: "NL", Start: date(start), End: date(end)}, nil)
			return err
		})
	}
	patch := func(start, end string) func() (pact.Published, error) {
		return change(func() error {
			_, err := r.entries.Patch(ctx, uuid.MustParse(entryID), entry.Patch{Start: new(date(start)), End: new(date(end))}, nil)
			return err
		})
	}
	byEvents := map[string]func() (pact.Published, error){
		"a market created event": change(func() error { return r.createMarket(ctx, "DE", "Germany") }),
		"a market updated event": change(func() error {
			_, err := r.markets.Patch(ctx, "NL", market.Patch{Name: new("Nederland")}, nil)
			return err
		}),
		"a market deleted event":                   change(func() error { return errOf(r.markets.Delete(ctx, "NL", nil)) }),
		"an entry created event, with both dates":  create("2026-05-01", "2026-11-30"),
		"an entry created event, without dates":    create("", ""),
		"an entry updated event, with both dates":  patch("2026-05-01", "2026-11-30"),
		"an entry updated event, open again":       patch("2026-05-01", ""),
		"an entry updated event, with only an end": patch("", "2026-11-30"),
		"an entry updated event, without dates":    patch("", ""),
		"an entry deleted event":                   change(func() error { return errOf(r.entries.Delete(ctx, uuid.MustParse(entryID), nil)) }),
	}
	maps.Copy(byEvents, r.decisions(ctx))
	return byEvents
}

// decisions are the outcomes of requests, and the events that requests cause.
func (r *running) decisions(ctx context.Context) map[string]func() (pact.Published, error) {
	outcome := func(operation, values string, expiresAt time.Time) func() (pact.Published, error) {
		return func() (pact.Published, error) {
			return r.decided(ctx, func() error { return r.requestArrives(ctx, operation, values, expiresAt) })
		}
	}
	caused := func(operation, values string) func() (pact.Published, error) {
		return func() (pact.Published, error) {
			return r.announced(ctx, func() error { return r.requestArrives(ctx, operation, values, time.Now().Add(time.Hour)) })
		}
	}
	soon := time.Now().Add(time.Hour)
	return map[string]func() (pact.Published, error){
		"an entry created event, caused by a request":   caused("create", `{"market":"NL"}`),
		"an entry updated event, caused by a request":   caused("patch", `{"availability_end_date":null}`),
		"an entry deleted event, caused by a request":   caused("delete", `{}`),
		"the outcome of an accepted request":            outcome("patch", `{"availability_end_date":null}`, soon),
		"the outcome of a request that changed nothing": outcome("patch", `{"availability_end_date":"2026-12-31"}`, soon),
		"the outcome of a refused request":              outcome("create", `{"market":"NL"}`, soon),
		"the outcome of a request with a fault":         outcome("patch", `{"market":"DE"}`, soon),
		"the outcome of an expired request":             outcome("patch", `{}`, time.Now().Add(-time.Hour)),
		"the outcome of an unreadable request":          outcome("explode", `{}`, soon),
	}
}

//go:build pact

package catalog

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
)

// The ids that the contract names.
const (
	chairID   = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"
	deskID    = "0198c0de-4c2d-7d5f-8b63-7e2f1f9c8b46"
	entryID   = "0198c0de-5d20-7a11-8c3f-2b9a44d7e610"
	requestID = "0198c0de-7f42-7c33-8e51-4dbc66f90832"
)

// productData has the members of a product's event that are used: the fields of consume.productData, and no more.
func productData(discontinued any) pact.Body {
	return pact.Body{
		"name": pact.Text("Oak chair"), "product_category": pact.Text("Seating"), "discontinued": discontinued,
		"updated_at": pact.Moment("2026-03-02T10:00:00Z"),
	}
}

// expectation is an event that the catalog uses, and the effect that it must have.
type expectation struct {
	description, typ, product string
	given                     pact.State
	data                      pact.Body
	check                     func(*testing.T, *business)
}

func expectations() []expectation {
	none := pact.State{Name: "no product", Params: map[string]any{"next_id": deskID}}
	chair := pact.State{Name: "a product", Params: map[string]any{"product_uuid": chairID}}
	return []expectation{
		{"a product created event", "monsplit.product.created.v1", deskID, none, productData(pact.Bool(false)),
			productIs(deskID, "Oak chair", "Seating", false)},
		{"a product updated event", "monsplit.product.updated.v1", chairID, chair, productData(pact.Bool(false)),
			productIs(chairID, "Oak chair", "Seating", false)},
		{"a product discontinued event", "monsplit.product.discontinued.v1", chairID, chair, productData(true),
			func(t *testing.T, b *business) {
				t.Helper()
				productIs(chairID, "Oak chair", "Seating", true)(t, b)
				entryEnds(t, b, "2026-03-01") // the day of the event's time
			}},
		{"a product deleted event", "monsplit.product.deleted.v1", chairID, chair, nil, chairIsGone},
	}
}

//nolint:paralleltest // its parts write one file
func TestConsumerContract(t *testing.T) {
	pact.Consumer(t, "catalog", "monolith", func(c *pact.Contract) {
		for _, e := range requestExpectations() {
			c.Event(e.event, func(t *testing.T, d pact.Delivery) {
				b := withChair(t, "2026-12-31")
				if err := errors.Join(b.createMarket(t.Context(), "BE", "Belgium"), d.To(t.Context(), b.events)); err != nil {
					t.Fatal(err)
				}
				e.check(t, b)
			})
		}
		for _, e := range expectations() {
			c.Event(pact.Event{
				Description: e.description, Given: e.given, Topic: consume.TopicProduct, Key: e.product, Type: e.typ, Data: e.data,
			}, func(t *testing.T, d pact.Delivery) {
				b := withChair(t, "")
				if err := d.To(t.Context(), b.events); err != nil {
					t.Fatal(err)
				}
				e.check(t, b)
			})
		}
	})
}

// withChair returns a catalog that knows a chair at version 1, and offers it in the Netherlands until end, or without an end
// if end is "".
func withChair(t *testing.T, end string) *business {
	t.Helper()
	pool := pgtest.New(t, pact.Migrations(spec().Migrations)...)
	b := newBusiness(t, pool, Config{Common: config.Common{Checks: config.Checks{Events: true}}}, slog.New(servicetest.NewLog(t)), func() {})
	err := errors.Join(
		b.productArrives(t.Context(), chairID, "Rocking chair"),
		b.createMarket(t.Context(), "NL", "Netherlands"),
		b.createEntry(t.Context(), entryID, chairID, end))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func productIs(id, name, category string, discontinued bool) func(*testing.T, *business) {
	return func(t *testing.T, b *business) {
		t.Helper()
		p, err := b.copies.Get(t.Context(), uuid.MustParse(id))
		if err != nil || p.Name != name || p.Category != category || p.Discontinued != discontinued || p.Version != 3 ||
			p.UpdatedAt.Format("2006-01-02 15:04") != "2026-03-02 10:00" {
			t.Errorf("the copy is %+v, %v", p, err)
		}
	}
}

func entryEnds(t *testing.T, b *business, day string) {
	t.Helper()
	if e, err := b.entries.Get(t.Context(), uuid.MustParse(entryID)); err != nil || e.End.String() != day {
		t.Errorf("the entry is %+v, %v; want its end on %s", e, err, day)
	}
}

// chairIsGone fails the test if the chair or its entry can still be seen.
func chairIsGone(t *testing.T, b *business) {
	t.Helper()
	if p, err := b.copies.Get(t.Context(), uuid.MustParse(chairID)); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("the copy is %+v, %v", p, err)
	}
	if e, err := b.entries.Get(t.Context(), uuid.MustParse(entryID)); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("the entry is %+v, %v", e, err)
	}
}

//go:build pact

package monolith

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// The members of the catalog's events that are used: the fields of consume.marketData and consume.entryData, and no more.

func marketData() pact.Body {
	return pact.Body{"name": pact.Text("Nederland"), "updated_at": pact.Moment("2026-03-02T10:00:00Z")}
}

func entryData(start, end any) pact.Body {
	return pact.Body{
		"product": pact.UUID(chairID), "market": pact.Pattern("NL", `^[A-Z]{2}$`), "availability_date": start,
		"availability_end_date": end, "updated_at": pact.Moment("2026-03-02T10:00:00Z"),
	}
}

// expectation is an event that the monolith uses, and the effect that it must have.
type expectation struct {
	event pact.Event
	check func(*testing.T, *business)
}

//nolint:paralleltest // its parts write one file
func TestConsumerContract(t *testing.T) {
	pact.Consumer(t, "monolith", "catalog", func(c *pact.Contract) {
		for _, e := range slices.Concat(marketExpectations(), entryExpectations(), outcomeExpectations()) {
			c.Event(e.event, func(t *testing.T, d pact.Delivery) {
				b := withRequest(t)
				if err := d.To(t.Context(), b.events); err != nil {
					t.Fatal(err)
				}
				e.check(t, b)
			})
		}
	})
}

// withCatalog returns a monolith that owns a chair, and knows the Netherlands and an entry of the chair there, all at
// version 1.
func withCatalog(t *testing.T) *business {
	t.Helper()
	pool := pgtest.New(t, pact.Migrations(spec().Migrations)...)
	b := newBusiness(t, pool, Config{Common: config.Common{Checks: config.Checks{Events: true}}}, slog.New(servicetest.NewLog(t)), func() {})
	_, err := b.create(t.Context(), chairID, product.Draft{Name: "Rocking chair", Category: "Furniture"})
	if err := errors.Join(err, b.marketArrives(t.Context(), "NL", "Netherlands"),
		b.entryArrives(t.Context(), entryID, "NL", `"2026-01-01"`, `"2026-12-31"`)); err != nil {
		t.Fatal(err)
	}
	return b
}

func marketExpectations() []expectation {
	of := func(description, typ, code string, given pact.State, data pact.Body) pact.Event {
		return pact.Event{
			Description: description, Given: given, Topic: consume.TopicMarket, Key: code, Type: typ, Data: data,
		}
	}
	none := pact.State{Name: "no market"}
	market := pact.State{Name: "a market", Params: map[string]any{"iso_code": "NL"}}
	const known, news = "Netherlands (2026-03-01 09:30)", "Nederland (2026-03-02 10:00)"
	return []expectation{
		{of("a market created event", "monsplit.market.created.v1", "DE", none, marketData()), marketsAre(known, news)},
		{of("a market updated event", "monsplit.market.updated.v1", "NL", market, marketData()), marketsAre(news)},
		{of("a market deleted event", "monsplit.market.deleted.v1", "NL", market, nil), marketsAre()},
	}
}

// changed returns the time at which the owner last changed a copy.
func changed(at time.Time) string { return at.UTC().Format(" (2006-01-02 15:04)") }

func marketsAre(markets ...string) func(*testing.T, *business) {
	return func(t *testing.T, b *business) {
		t.Helper()
		var got []string
		for m, err := range b.copies.ListMarkets(t.Context(), catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByID}}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Name+changed(m.UpdatedAt))
		}
		equal(t, "markets", got, markets)
	}
}

func entryExpectations() []expectation {
	const otherID = "0198c0de-6e31-7b22-9d40-3cab55e8f721"
	of := func(description, typ, id string, given pact.State, data pact.Body) pact.Event {
		return pact.Event{
			Description: description, Given: given, Topic: consume.TopicCatalogEntry, Key: id, Type: typ, Data: data,
		}
	}
	const created, updated, deleted = "monsplit.catalog-entry.created.v1", "monsplit.catalog-entry.updated.v1", "monsplit.catalog-entry.deleted.v1"
	offer := pact.State{Name: "a product and a market without an entry", Params: map[string]any{"next_id": otherID}}
	entry := pact.State{Name: "an entry", Params: map[string]any{"id": entryID}}
	start, end := pact.Day("2026-03-01"), pact.Day("2026-09-30")
	offered := pact.State{Name: "a product and a market that a request is about", Params: map[string]any{"request": requestID}}
	// The monolith applies an event in the same way with and without a cause. Operators need the cause to trace a change.
	caused := func(e pact.Event) pact.Event {
		e.Description, e.Cause = e.Description+", caused by a request", requestID
		return e
	}
	const known, news = "2026-01-01 to 2026-12-31 (2026-03-01 09:30)", " (2026-03-02 10:00)"
	return []expectation{
		{of("an entry created event, with both dates", created, otherID, offer, entryData(start, end)),
			entriesAre(known, "2026-03-01 to 2026-09-30"+news)},
		{of("an entry created event, without dates", created, otherID, offer, entryData(nil, nil)), entriesAre(known, " to "+news)},
		{of("an entry updated event, with both dates", updated, entryID, entry, entryData(start, end)), entriesAre("2026-03-01 to 2026-09-30" + news)},
		{of("an entry updated event, open again", updated, entryID, entry, entryData(start, nil)), entriesAre("2026-03-01 to " + news)},
		{of("an entry updated event, with only an end", updated, entryID, entry, entryData(nil, end)), entriesAre(" to 2026-09-30" + news)},
		{of("an entry updated event, without dates", updated, entryID, entry, entryData(nil, nil)), entriesAre(" to " + news)},
		{of("an entry deleted event", deleted, entryID, entry, nil), entriesAre()},
		{caused(of("an entry created event", created, requestID, offered, entryData(nil, nil))), entriesAre(known, " to "+news)},
		{caused(of("an entry updated event", updated, entryID, aboutAnEntry(), entryData(start, nil))), entriesAre("2026-03-01 to " + news)},
		{caused(of("an entry deleted event", deleted, entryID, aboutAnEntry(), nil)), entriesAre()},
	}
}

func entriesAre(periods ...string) func(*testing.T, *business) {
	day := func(d *time.Time) string {
		if d == nil {
			return ""
		}
		return d.Format(time.DateOnly)
	}
	return func(t *testing.T, b *business) {
		t.Helper()
		var got []string
		for e, err := range b.copies.ListEntries(t.Context(), catalogcopy.EntryQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByID}}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Product != 1 || e.Market != 1 {
				t.Errorf("the entry is of product %d in market %d", e.Product, e.Market)
			}
			got = append(got, day(e.Start)+" to "+day(e.End)+changed(e.UpdatedAt))
		}
		equal(t, "entries", got, periods)
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

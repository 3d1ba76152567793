package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// market adds the copy of NL, which gets the id 1.
func (b *bundle) market(t *testing.T) {
	t.Helper()
	saveMarket(t, b, catalogcopy.MarketRow{ISOCode: "NL", Row: copyrow.Row{Version: 1}, MarketData: catalogcopy.MarketData{Name: "Netherlands", UpdatedAt: time.Now()}})
}

// entry applies a version of the copy of an entry of the product in NL.
func (b *bundle) entry(t *testing.T, id, product uuid.UUID, version int64, deleted bool) {
	t.Helper()
	err := b.apply(t.Context(), func(tx catalogcopy.Tx) error {
		return catalogcopy.ApplyEntries(t.Context(), tx, []catalogcopy.EntryChange{{
			ID: id, Change: copyrow.Change{Version: version, Time: time.Now(), Deleted: deleted},
			EntryData: catalogcopy.EntryData{Product: product, Market: "NL", UpdatedAt: time.Now()},
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) decide(t *testing.T, decisions ...catalogchange.Decision) (finished []request.Finished) {
	t.Helper()
	err := postgres.InTx(t.Context(), b.pool, func(tx pgx.Tx) error {
		bound := store.Bind(tx)
		err := catalogchange.Apply(t.Context(), bound, decisions)
		finished = bound.Finished()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return finished
}

// sent returns the requests in the outbox, in the order of the log.
func (b *bundle) sent(t *testing.T) []event.Event {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "SELECT payload FROM outbox_event WHERE topic = 'monsplit.catalog-entry-request.v1' ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (event.Event, error) {
		var payload []byte
		if err := row.Scan(&payload); err != nil {
			return event.Event{}, err
		}
		return event.Decode(payload)
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// The request, its message and the integer of the new entry are committed together.
func TestCreateSends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	woken := b.woken.Load()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r, err := b.changes.Create(t.Context(), catalogchange.Draft{
		Product: chair.ID, Market: 1, Start: catalogchange.Date{Sent: true, Day: &day}, End: catalogchange.Date{Sent: true},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	events := b.sent(t)
	want := fmt.Sprintf(`{"operation":"create","entry":"%s","product":"%s","product_version":1,"expires_at":"%s",`+
		`"values":{"market":"NL","availability_date":"2026-03-01","availability_end_date":null}}`,
		r.ID, chair.UUID, r.ExpiresAt.Format(time.RFC3339Nano))
	if len(events) != 1 || string(events[0].Data) != want || events[0].ID != r.ID.String() || events[0].Subject != chair.UUID.String() || events[0].Version != 1 {
		t.Errorf("sent %+v\nwant %s", events, want)
	}
	if b.woken.Load() != woken+1 {
		t.Error("the relay was not woken")
	}
	if r.Wanted.ID != 1 || r.Entry != r.ID {
		t.Errorf("created %+v", r)
	}
	if _, err := b.changes.Create(t.Context(), catalogchange.Draft{Product: 99, Market: 1}, nil); apperr.KindOf(err) != apperr.Invalid {
		t.Errorf("an unknown product: %v", err)
	}
	if n := len(b.sent(t)); n != 1 {
		t.Errorf("%d requests after a refusal here", n)
	}
}

// A patch travels as the members that were sent, with the version of the product that is committed here.
func TestPatchSends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	entry := uuid.Must(uuid.NewV7())
	b.entry(t, entry, chair.UUID, 3, false)
	if _, err := b.products.Patch(t.Context(), chair.ID, product.Patch{Name: new("Stool")}, nil); err != nil {
		t.Fatal(err)
	}
	for _, match := range []condition.Match{nil, {}, {3, 4}} {
		if _, err := b.changes.Patch(t.Context(), 1, catalogchange.Draft{End: catalogchange.Date{Sent: true}}, match, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.changes.Delete(t.Context(), 1, nil, nil); err != nil {
		t.Fatal(err)
	}
	ifMatch := []string{"", `[]`, `[3,4]`, ""}
	for i, e := range b.sent(t) {
		var data map[string]json.RawMessage
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		values, operation := `{"availability_end_date":null}`, `"patch"`
		if i == 3 {
			values, operation = `{}`, `"delete"`
		}
		if string(data["values"]) != values || string(data["operation"]) != operation || string(data["if_match"]) != ifMatch[i] ||
			string(data["product_version"]) != "2" || string(data["entry"]) != `"`+entry.String()+`"` || e.Version != int64(i+1) {
			t.Errorf("sent %s as number %d", e.Data, e.Version)
		}
	}
}

func TestChangesOfAPendingEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	r, err := b.changes.Create(t.Context(), catalogchange.Draft{Product: chair.ID, Market: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.products.Patch(t.Context(), chair.ID, product.Patch{Name: new("Stool")}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.products.Delete(t.Context(), chair.ID, nil); err != nil {
		t.Fatal(err)
	}
	patch, err := b.changes.Patch(t.Context(), 1, catalogchange.Draft{}, nil, nil)
	if err != nil || patch.Number != 2 || patch.Entry != r.ID || patch.Product != chair.UUID || patch.ProductVersion != 3 {
		t.Errorf("sent %+v, %v", patch, err)
	}
	if _, err := b.changes.Create(t.Context(), catalogchange.Draft{Product: chair.ID, Market: 1}, nil); apperr.KindOf(err) != apperr.Invalid {
		t.Errorf("an entry of a deleted product: %v", err)
	}
}

// The integer of a refused creation is never listed, and never used again.
func TestRefusedIntegersStayAllotted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	create := func() catalogchange.Request {
		r, err := b.changes.Create(t.Context(), catalogchange.Draft{Product: chair.ID, Market: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	refused, accepted := create(), create()
	b.decide(t, catalogchange.Decision{Request: refused.ID, Kind: catalogchange.Refused, Problem: &catalogchange.Problem{Type: "t"}})
	b.entry(t, accepted.Entry, chair.UUID, 1, false)
	b.entry(t, uuid.New(), chair.UUID, 1, false) // created at the owner
	var ids []int64
	for e, err := range b.copies.ListEntries(t.Context(), catalogcopy.EntryQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if !slices.Equal(ids, []int64{2, 3}) {
		t.Errorf("listed %v", ids)
	}
	err := b.changes.Missing(t.Context(), 1, apperr.New(apperr.NotFound, "x"))
	if creation, ok := errors.AsType[*catalogchange.CreationError](err); !ok || creation.Request != refused.ID {
		t.Errorf("got %v", err)
	}
	if err := request.DeleteFinished(t.Context(), b.pool, 0); err != nil {
		t.Fatal(err)
	}
	err = b.changes.Missing(t.Context(), 1, apperr.New(apperr.NotFound, "x"))
	if e, ok := apperr.As(err); !ok || e.Name() != "not-found" {
		t.Errorf("after the request was deleted: %v", err)
	}
	if next := create(); next.Wanted.ID != 4 {
		t.Errorf("the next integer is %d", next.Wanted.ID)
	}
}

func TestRecallOfChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	b.market(t)
	once := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	d := catalogchange.Draft{Product: chair.ID, Market: 1}
	first, err := b.changes.Create(t.Context(), d, once)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.changes.Create(t.Context(), d, once)
	if err != nil || again.ID != first.ID || len(b.sent(t)) != 1 {
		t.Errorf("again %+v, %v", again, err)
	}
	_, err = b.changes.Create(t.Context(), d, &condition.Once{ID: once.ID})
	if e, ok := apperr.As(err); !ok || e.Kind != apperr.Invalid || e.Name() != "idempotency-key-reused" {
		t.Errorf("another body: %v", err)
	}
}

func TestMappingOfRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair := b.create(t, "Chair", "Furniture")
	newDay := func(n int) *time.Time { day := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC); return &day }
	newMatch := func(n int) condition.Match { return condition.Match{int64(n)} }
	r := fill.Of[catalogchange.Request](t, 0, newDay, newMatch, func(int) catalogchange.Operation { return catalogchange.Patch },
		func(int) *catalogchange.Outcome { return nil })
	r.Product, r.Wanted.UpdatedAt = chair.UUID, r.CreatedAt
	asks := caller.Caller{Kind: caller.KindToken, Name: "billing"}
	r.AskedBy = asks.String()
	err := b.store.Changes().InTx(caller.With(t.Context(), asks), func(tx catalogchange.Tx) (err error) {
		if r.Number, err = tx.NextNumber(t.Context(), r.Product); err != nil {
			return err
		}
		return tx.Send(caller.With(t.Context(), asks), r, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func() catalogchange.Request {
		t.Helper()
		got, err := b.store.Changes().Request(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	only := "only the message has it"
	fill.Same(t, "catalogchange.Request → store.Send → store.Request → catalogchange.Request", r, read(), fill.Internal{
		"ProductVersion": only, "Match": only, "Values.Product": only, "Values.Market": only, "Values.Start.Sent": only,
		"Values.Start.Day": only, "Values.End.Sent": only, "Values.End.Day": only, "Wanted.Version": "a request is not a version",
		"Unreadable": "the owner sets it",
	})
	b.decide(t, catalogchange.Decision{Request: r.ID, Kind: catalogchange.Unreadable})
	if got := read(); !got.Unreadable || got.Outcome != nil {
		t.Errorf("unreadable: %+v", got)
	}
	d := fill.Of[catalogchange.Decision](t, 0, func(n int) []catalogchange.Fault {
		return []catalogchange.Fault{fill.Of[catalogchange.Fault](t, n)}
	})
	d.Request = r.ID
	finished := b.decide(t, d)
	got := read()
	if len(finished) != 1 || finished[0].Kind != request.Kind(d.Kind) || got.Unreadable || got.Outcome == nil {
		t.Fatalf("finished %+v, %+v", finished, got)
	}
	const place = "catalogchange.Decision → store.Finish → store.Request → catalogchange.Outcome"
	fill.SameByName(t, place, d, *got.Outcome, fill.Internal{"Request": "the request has it"})
	fill.Set(t, place, *got.Outcome, nil)
}

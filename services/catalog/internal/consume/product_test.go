package consume_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/contracts"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pact/uses"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// savedTx keeps the saved rows. Every product exists at version 1 before.
type savedTx struct{ products []productcopy.ProductRow }

func (tx *savedTx) LockProducts(_ context.Context, ids []uuid.UUID) (rows []productcopy.ProductRow, _ error) {
	for _, id := range ids {
		rows = append(rows, productcopy.ProductRow{ID: id, Row: copyrow.Row{Version: 1}})
	}
	return rows, nil
}

func (tx *savedTx) SaveProducts(_ context.Context, rows []productcopy.ProductRow) error {
	tx.products = append(tx.products, rows...)
	return nil
}

func (tx *savedTx) Entries() entry.Tx { return nil }

// noEntries counts the products whose entries are to end or to be deleted.
type noEntries struct{ ended, deleted int }

func (n *noEntries) EndForProducts(_ context.Context, _ entry.Tx, turned map[uuid.UUID]time.Time) error {
	n.ended += len(turned)
	return nil
}

func (n *noEntries) DeleteForProducts(_ context.Context, _ entry.Tx, turned map[uuid.UUID]time.Time) error {
	n.deleted += len(turned)
	return nil
}

type bundle struct {
	tx      *savedTx
	entries *noEntries
	handle  func(events ...consumer.Event) error
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{tx: &savedTx{}, entries: &noEntries{}}
	apply := consume.Products[productcopy.Tx](productcopy.NewService(nil, b.entries))
	b.handle = func(events ...consumer.Event) error { return apply(t.Context(), b.tx, events) }
	return b
}

// TestExamples applies every example in the owner's document.
func TestExamples(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range documented.Examples() {
		t.Run(x.Type+" "+x.Name, func(t *testing.T) {
			t.Parallel()
			e, err := event.Decode(x.Payload)
			if err != nil {
				t.Fatal(err)
			}
			e.Version += 10 // above what is stored
			b := setup(t)
			if err := b.handle(consumer.Event{Event: e, Key: e.Subject}); err != nil {
				t.Fatal(err)
			}
			if len(b.tx.products) == 0 {
				return // ignored: TestTheContractNamesWhatIsUsed checks whether it may be
			}
			row, deleted := b.tx.products[0], strings.Contains(x.Type, "deleted")
			if row.ID.String() != e.Subject || row.Version != e.Version || row.Deleted != deleted || row.UpdatedAt.IsZero() ||
				(row.Name == "" || row.Category == "") && !deleted {
				t.Errorf("saved %+v", row)
			}
			if row.Discontinued != (b.entries.ended == 1) || deleted != (b.entries.deleted == 1) {
				t.Errorf("saved %+v, calls to entries %+v", row, b.entries)
			}
			if strings.Contains(x.Type, "discontinued") && !row.Discontinued {
				t.Errorf("saved %+v", row)
			}
		})
	}
}

const productID = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"

func TestProducts(t *testing.T) {
	t.Parallel()
	const (
		name, category = `"name":"Chair"`, `"product_category":"Furniture"`
		off, on, time  = `"discontinued":true`, `"discontinued":false`, `"updated_at":"2026-03-01T09:30:00Z"`
	)
	object := func(members ...string) string { return "{" + strings.Join(members, ",") + "}" }
	tests := map[string]struct {
		key, typ, data string
		poison         string // a part of the reason; empty if the event is applied
		saved, ended   int
	}{
		"Whole":             {typ: "created", data: object(name, category, on, time), saved: 1},
		"UnknownMember":     {typ: "updated", data: object(name, category, on, time, `"shade":{"deep":[1]}`), saved: 1},
		"StateNotType":      {typ: "updated", data: object(name, category, off, time), saved: 1, ended: 1}, // H5 compacted discontinuation
		"TypeNotState":      {typ: "discontinued", data: object(name, category, on, time), saved: 1},
		"OtherCase":         {typ: "updated", data: object(name, category, on, time, `"NAME":5`, `"Discontinued":true`), saved: 1},
		"OnlyOtherCase":     {typ: "updated", data: object(`"Name":"Chair"`, category, on, time), poison: "name is missing"},
		"LowerCaseTime":     {typ: "updated", data: object(name, category, on, `"updated_at":"2026-03-01t09:30:00z"`), saved: 1},
		"UnknownType":       {typ: "eaten", data: `{}`},
		"Deletion":          {typ: "deleted", data: `{}`, saved: 1},
		"BadKey":            {key: "x", typ: "deleted", poison: "not a UUID"},
		"OtherSpelling":     {key: strings.ToUpper(productID), typ: "deleted", poison: "not a UUID"},
		"NoName":            {typ: "created", data: object(category, on, time), poison: "name is missing"},
		"NoCategory":        {typ: "created", data: object(name, on, time), poison: "product_category is missing"},
		"NoState":           {typ: "created", data: object(name, category, time), poison: "discontinued is missing"},
		"NoTime":            {typ: "created", data: object(name, category, on), poison: "updated_at is missing"},
		"NoData":            {typ: "created", poison: "no data"},
		"DataIsNotAnObject": {typ: "created", data: `[]`, poison: "data"},
		"NameIsNotText":     {typ: "created", data: object(`"name":5`, category, on, time), poison: "name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var unknown bool
			e := consumer.Event{Key: productID, Unknown: &unknown, Event: event.Event{
				Type: "monsplit.product." + tt.typ + ".v1", Version: 2, Data: json.RawMessage(tt.data),
			}}
			if tt.data == "" {
				e.Data = nil
			}
			if tt.key != "" {
				e.Key = tt.key
			}
			b := setup(t)
			err := b.handle(e)
			if tt.poison == "" && err != nil || tt.poison != "" && (err == nil || !strings.Contains(err.Error(), tt.poison)) {
				t.Fatalf("error %v, want %q", err, tt.poison)
			}
			if unknown != (tt.typ == "eaten") {
				t.Errorf("the type is unknown: %t", unknown)
			}
			if len(b.tx.products) != tt.saved || b.entries.ended != tt.ended {
				t.Errorf("saved %+v, calls to entries %+v", b.tx.products, b.entries)
			}
		})
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.handle(consumer.Event{Key: productID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	gone := copyrow.Row{Version: 1, Deleted: true}
	if len(b.tx.products) != 1 || b.tx.products[0].Row != gone || b.entries.deleted != 1 {
		t.Errorf("saved %+v, calls to entries %+v", b.tx.products, b.entries)
	}
}

// The owner looks at the contract before it changes anything. So the contract must name what is used here.
func TestTheContractNamesWhatIsUsed(t *testing.T) {
	t.Parallel()
	pact, err := contracts.Pacts.ReadFile("pacts/catalog-monolith.json")
	if err != nil {
		t.Fatal(err)
	}
	uses.Contract(t, pact, asyncapi.Monolith, func(e event.Event) (any, error) {
		if e.Type == requestType {
			return consume.EntryRequest(consumer.Event{Event: e, Key: e.Subject})
		}
		e.Version += 10 // above what is stored
		b := setup(t)
		if err := b.handle(consumer.Event{Event: e, Key: e.Subject}); err != nil || len(b.tx.products) == 0 {
			return nil, err
		}
		return b.tx.products, nil
	})
}

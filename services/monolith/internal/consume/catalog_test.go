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
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
)

// savedTx keeps the saved rows. Every row exists at version 1 before.
type savedTx struct {
	markets []catalogcopy.MarketRow
	entries []catalogcopy.EntryRow
}

func (tx *savedTx) LockMarkets(_ context.Context, codes []string) (rows []catalogcopy.MarketRow, _ error) {
	for _, code := range codes {
		rows = append(rows, catalogcopy.MarketRow{ISOCode: code, Row: copyrow.Row{Version: 1}})
	}
	return rows, nil
}

func (tx *savedTx) LockEntries(_ context.Context, ids []uuid.UUID) (rows []catalogcopy.EntryRow, _ error) {
	for _, id := range ids {
		rows = append(rows, catalogcopy.EntryRow{ID: id, Row: copyrow.Row{Version: 1}})
	}
	return rows, nil
}

func (tx *savedTx) AddMarkets(context.Context, []string) error    { return nil }
func (tx *savedTx) AddEntries(context.Context, []uuid.UUID) error { return nil }

func (tx *savedTx) SaveMarkets(_ context.Context, rows []catalogcopy.MarketRow) error {
	tx.markets = append(tx.markets, rows...)
	return nil
}

func (tx *savedTx) SaveEntries(_ context.Context, rows []catalogcopy.EntryRow) error {
	tx.entries = append(tx.entries, rows...)
	return nil
}

// handlerOf returns the handler of the topic that has events of this type.
func handlerOf(typ string) func(context.Context, catalogcopy.Tx, []consumer.Event) error {
	if strings.HasPrefix(typ, "monsplit.market.") {
		return consume.Markets
	}
	return consume.Entries
}

// TestExamples applies every example in the owner's document. TestTheContractNamesWhatIsUsed checks which of them must have
// an effect.
func TestExamples(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Catalog)
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
			tx := &savedTx{}
			if err := handlerOf(x.Type)(t.Context(), tx, []consumer.Event{{Event: e, Key: e.Subject}}); err != nil {
				t.Fatal(err)
			}
			for _, row := range tx.markets {
				if row.ISOCode != e.Subject || row.Version != e.Version || row.Deleted != strings.Contains(x.Type, "deleted") ||
					row.UpdatedAt.IsZero() || row.Name == "" && !row.Deleted {
					t.Errorf("saved %+v", row)
				}
			}
			for _, row := range tx.entries {
				if row.ID.String() != e.Subject || row.Version != e.Version || row.Deleted != strings.Contains(x.Type, "deleted") ||
					row.UpdatedAt.IsZero() || (row.Market == "" || row.Product == uuid.Nil) && !row.Deleted {
					t.Errorf("saved %+v", row)
				}
			}
		})
	}
}

const entryID = "0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"

func TestEntries(t *testing.T) {
	t.Parallel()
	const whole = `"product":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","market":"NL","updated_at":"2026-03-01T09:30:00Z"`
	tests := map[string]struct {
		key, typ, data string
		poison         string // a part of the reason; empty if the event is applied
		saved          int
	}{
		"WithoutDates":      {typ: "created", data: "{" + whole + "}", saved: 1},
		"NullDates":         {typ: "updated", data: "{" + whole + `,"availability_date":null,"availability_end_date":null}`, saved: 1},
		"UnknownMember":     {typ: "updated", data: "{" + whole + `,"taste":{"deep":[1]}}`, saved: 1},
		"OtherCase":         {typ: "updated", data: "{" + whole + `,"NAME":5,"Product":"x","updated_AT":1}`, saved: 1},
		"UnknownType":       {typ: "eaten", data: `{}`},
		"Deletion":          {typ: "deleted", data: `{}`, saved: 1},
		"BadKey":            {key: "x", typ: "deleted", poison: "not a UUID"},
		"OtherSpelling":     {key: strings.ToUpper(entryID), typ: "deleted", poison: "not a UUID"},
		"BadDate":           {typ: "created", data: "{" + whole + `,"availability_date":"2026-02-30"}`, poison: "availability_date"},
		"DateIsNotText":     {typ: "created", data: "{" + whole + `,"availability_date":5}`, poison: "availability_date"},
		"NoProduct":         {typ: "created", data: `{"market":"NL","updated_at":"2026-03-01T09:30:00Z"}`, poison: "product is missing"},
		"NoMarket":          {typ: "created", data: `{"product":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","updated_at":"2026-03-01T09:30:00Z"}`, poison: "market is missing"},
		"NoTime":            {typ: "created", data: `{"product":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","market":"NL"}`, poison: "updated_at is missing"},
		"NoData":            {typ: "created", poison: "no data"},
		"DataIsNotAnObject": {typ: "created", data: `[]`, poison: "data"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var unknown bool
			e := consumer.Event{Key: entryID, Unknown: &unknown, Event: event.Event{
				Type: "monsplit.catalog-entry." + tt.typ + ".v1", Version: 2, Time: time.Unix(0, 0), Data: json.RawMessage(tt.data)}}
			if tt.data == "" {
				e.Data = nil
			}
			if tt.key != "" {
				e.Key = tt.key
			}
			tx := &savedTx{}
			err := consume.Entries(t.Context(), tx, []consumer.Event{e})
			if tt.poison == "" && err != nil || tt.poison != "" && (err == nil || !strings.Contains(err.Error(), tt.poison)) {
				t.Fatalf("error %v, want %q", err, tt.poison)
			}
			if unknown != (tt.typ == "eaten") {
				t.Errorf("the type is unknown: %t", unknown)
			}
			if len(tx.entries) != tt.saved {
				t.Errorf("saved %+v", tx.entries)
			}
		})
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	tx := &savedTx{}
	if err := consume.Entries(t.Context(), tx, []consumer.Event{{Key: entryID, Purge: true}}); err != nil {
		t.Fatal(err)
	}
	if err := consume.Markets(t.Context(), tx, []consumer.Event{{Key: "NL", Purge: true}}); err != nil {
		t.Fatal(err)
	}
	gone := copyrow.Row{Version: 1, Deleted: true}
	if len(tx.entries) != 1 || tx.entries[0].Row != gone || len(tx.markets) != 1 || tx.markets[0].Row != gone {
		t.Errorf("saved %+v", tx)
	}
}

// The owner looks at the contract before it changes anything. So the contract must name what is used here.
func TestTheContractNamesWhatIsUsed(t *testing.T) {
	t.Parallel()
	pact, err := contracts.Pacts.ReadFile("pacts/monolith-catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	uses.Contract(t, pact, asyncapi.Catalog, func(e event.Event) (any, error) {
		if e.Type == decided {
			return decide(t, consumer.Event{Event: e, Key: e.Subject})
		}
		e.Version += 10 // above what is stored
		tx := &savedTx{}
		err := handlerOf(e.Type)(t.Context(), tx, []consumer.Event{{Event: e, Key: e.Subject}})
		if err != nil || len(tx.markets)+len(tx.entries) == 0 {
			return nil, err
		}
		return tx, nil
	})
}

package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// instance is the catalog as Run wires it, but without Kafka and HTTP.
type instance struct {
	*testing.T
	pool    *pgxpool.Pool
	owner   *owner
	events  *consumer.Consumer[store.Tx]
	entries *entry.Service
}

var (
	messagingSchema = postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	historySchema   = postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"}
	catalogSchema   = postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"}
)

// setup returns an instance on a new database, with the markets NL and BE.
func setup(t *testing.T) *instance {
	t.Helper()
	i := on(t, pgtest.New(t, messagingSchema, historySchema, catalogSchema))
	_, markets, _ := services(i.storage(), newID)
	for _, code := range []string{"NL", "BE"} {
		if _, err := markets.Create(t.Context(), market.Draft{ISOCode: code, Name: "Market " + code}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func on(t *testing.T, pool *pgxpool.Pool) *instance {
	t.Helper()
	i := &instance{T: t, pool: pool}
	storage, log := i.storage(), slog.New(slog.DiscardHandler)
	entries, _, copies := services(storage, newID)
	i.entries, i.owner = entries, newOwner(pool, checked, storage, entries, log)
	i.events = newConsumer(pool, checked, storage, copies, i.owner, func() {}, log)
	return i
}

// checked is a configuration in which each message is checked against the document.
var checked = Config{config.Common{Checks: config.Checks{Events: true}, Requests: config.Requests{Expiry: time.Hour}}}

func (i *instance) storage() *store.Store {
	i.Helper()
	storage, err := newStore(i.pool, checked, slog.New(slog.DiscardHandler), func() {})
	if err != nil {
		i.Fatal(err)
	}
	return storage
}

// deliver lets the consumer handle the messages as one batch of the topic.
func (i *instance) deliver(topic string, list ...message) {
	i.Helper()
	tp := broker.TopicPartition{Topic: topic, Partition: 3}
	at, err := i.events.Position(i.Context(), tp, broker.LogStart{})
	if err != nil {
		i.Fatal(err)
	}
	records := make([]broker.Fetched, len(list))
	for n, m := range list {
		records[n] = broker.Fetched{Offset: at.Offset + int64(n), Record: m.record()}
	}
	if err := i.events.Handle(i.Context(), tp, at.Offset, broker.At(at.Offset+int64(len(list))), records); err != nil {
		i.Fatal(err)
	}
}

// message is a message of the monolith.
type message struct {
	event.Event
	damaged bool
}

func (m message) record() broker.Record {
	value, err := json.Marshal(m.Event)
	if err != nil {
		panic(err)
	}
	if m.damaged {
		value = value[:len(value)-1]
	}
	return broker.Record{
		Key: []byte(m.Subject), Value: value, Headers: []broker.Header{{Key: event.HeaderID, Value: []byte(m.ID)}},
	}
}

// product returns the event of a product.
func product(id uuid.UUID, version int64) message {
	return message{Event: event.Event{
		ID: newID().String(), Source: "/monolith", Type: "monsplit.product.updated.v1", Subject: id.String(), Version: version, Time: time.Now(),
		Data: json.RawMessage(`{"name":"Chair","product_category":"Furniture","discontinued":false,"updated_at":"2026-11-23T12:00:00Z"}`),
	}}
}

// ask returns a request about an entry of the product. Without an entry, it creates one.
func ask(product uuid.UUID, number int64, operation, values string, entry ...uuid.UUID) message {
	id := newID()
	return message{Event: event.Event{
		ID: id.String(), Source: "/monolith", Type: "monsplit.catalog-entry.change-requested.v1", Subject: product.String(), Version: number, Time: time.Now(),
		Data: json.RawMessage(fmt.Sprintf(`{"operation":%q,"entry":%q,"product":%q,"product_version":1,"expires_at":%q,"values":%s}`,
			operation, append(entry, id)[0], product, time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano), cmp.Or(values, "{}"))),
	}}
}

func (m message) with(old, replacement string) message {
	m.Data = json.RawMessage(strings.Replace(string(m.Data), old, replacement, 1))
	return m
}

func (m message) id() uuid.UUID { return uuid.MustParse(m.ID) }

// outbox returns the messages of a key, in the order of the topic.
func (i *instance) outbox(topic, key string) (list []event.Event) {
	i.Helper()
	rows, err := i.pool.Query(i.Context(), `SELECT payload FROM outbox_event WHERE topic = $1 AND key = $2 ORDER BY seq`, topic, key)
	if err != nil {
		i.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var payload []byte
		if err := rows.Scan(&payload); err != nil {
			i.Fatal(err)
		}
		e, err := event.Decode(payload)
		if err != nil {
			i.Fatal(err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		i.Fatal(err)
	}
	return list
}

// outcomes returns the outcomes of the requests of a product, as in "1 accepted v1", "2 refused entry-exists".
func (i *instance) outcomes(product uuid.UUID) (list []string) {
	i.Helper()
	for _, e := range i.outbox(messages.TopicCatalogEntryOutcome, product.String()) {
		var o messages.CatalogEntryChangeOutcome
		if err := json.Unmarshal(e.Data, &o); err != nil {
			i.Fatal(err)
		}
		text := fmt.Sprintf("%d %s", e.Version, o.Outcome)
		if o.Version != nil {
			text += fmt.Sprintf(" v%d", *o.Version)
		}
		if o.Problem != nil {
			text += o.Problem.Type[strings.LastIndexByte(o.Problem.Type, '/'):]
		}
		list = append(list, text)
	}
	return list
}

func (i *instance) wantOutcomes(product uuid.UUID, want ...string) {
	i.Helper()
	if got := i.outcomes(product); !slices.Equal(got, want) {
		i.Errorf("outcomes %q, want %q", got, want)
	}
}

// wantEvents checks the events of an entry, and the requests that caused them.
func (i *instance) wantEvents(entry uuid.UUID, causes ...message) {
	i.Helper()
	list := i.outbox(messages.TopicCatalogEntry, entry.String())
	if len(list) != len(causes) {
		i.Errorf("%d events of the entry, want %d", len(list), len(causes))
		return
	}
	for n, e := range list {
		if e.CausationID != causes[n].ID || e.Version != int64(n+1) {
			i.Errorf("%s at version %d was caused by %q, want %q", e.Type, e.Version, e.CausationID, causes[n].ID)
		}
	}
}

// newProduct returns a product whose copy is at version 1.
func (i *instance) newProduct() uuid.UUID {
	i.Helper()
	id := newID()
	i.deliver(consume.TopicProduct, product(id, 1))
	return id
}

const inNL = `{"market":"NL","availability_date":"2026-03-01","availability_end_date":null}`

// All operations on one entry in one batch, in the order of their key. The place is free again after the deletion.
func TestRequestsOfOneProduct(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	create := ask(p, 1, "create", inNL)
	id := create.id()
	end := ask(p, 2, "patch", `{"availability_end_date":"2026-06-30"}`, id).with(`"values"`, `"if_match":[1],"values"`)
	again := ask(p, 3, "patch", `{"availability_end_date":"2026-06-30"}`, id)
	stale := ask(p, 4, "patch", `{"availability_end_date":null}`, id).with(`"values"`, `"if_match":[1],"values"`)
	never := ask(p, 5, "delete", "", id).with(`"values"`, `"if_match":[],"values"`)
	replace := ask(p, 6, "replace", `{"market":"NL","availability_date":"2026-04-01"}`, id)
	moved := ask(p, 7, "patch", `{"market":"BE"}`, id)
	taken := ask(p, 8, "create", inNL)
	drop := ask(p, 9, "delete", "", id)
	gone := ask(p, 10, "delete", "", id)
	next := ask(p, 11, "create", inNL)
	i.deliver(consume.TopicEntryRequest, create, end, again, stale, never, replace, moved, taken, drop, gone, next)
	i.wantOutcomes(p, "1 accepted v1", "2 accepted v2", "3 unchanged v2", "4 refused/stale", "5 refused/stale", "6 accepted v3",
		"7 refused/invalid", "8 refused/entry-exists", "9 accepted v4", "10 refused/not-found", "11 accepted v1")
	i.wantEvents(id, create, end, replace, drop)
	i.wantEvents(taken.id())
	i.wantEvents(next.id(), next)
	e, err := i.entries.Get(t.Context(), next.id())
	if err != nil || e.Start.String() != "2026-03-01" || !e.End.IsZero() || e.Product != p || e.Market != "NL" {
		t.Errorf("the entry is %+v, %v", e, err)
	}
	i.wantNoDeadLetters()
}

func (i *instance) wantNoDeadLetters() {
	i.Helper()
	letters, err := consumer.ListDeadLetters(i.Context(), i.pool, consumer.DeadLetterFilter{})
	if err != nil || len(letters) > 0 {
		i.Errorf("dead letters %+v, %v", letters, err)
	}
}

// A hundred requests of fifty products in one batch: for each product one is accepted, and one is refused by the unique
// index. Every request is delivered twice.
func TestAHundredRequestsInOneBatch(t *testing.T) {
	t.Parallel()
	i := setup(t)
	var (
		products []uuid.UUID
		copies   []message
		requests []message
	)
	for range 50 {
		p := newID()
		products, copies = append(products, p), append(copies, product(p, 1))
	}
	i.deliver(consume.TopicProduct, copies...)
	for n := range int64(2) {
		for _, p := range products {
			requests = append(requests, ask(p, n+1, "create", inNL))
		}
	}
	i.deliver(consume.TopicEntryRequest, append(requests, requests...)...)
	i.deliver(consume.TopicEntryRequest, requests...)
	for n, p := range products {
		i.wantOutcomes(p, "1 accepted v1", "2 refused/entry-exists")
		i.wantEvents(requests[n].id(), requests[n])
		i.wantEvents(requests[50+n].id())
	}
	i.wantNoDeadLetters()
}

//go:build pact

package catalog

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
)

// business is the catalog as it is in production, except that a test can choose the id of an entry, which contracts name.
type business struct {
	entries *entry.Service
	markets *market.Service
	copies  *productcopy.Service
	events  *consumer.Consumer[store.Tx]
	nextID  *uuid.UUID // the next new id; nil for a random id
	request string     // the id of the request that arrives
}

func newBusiness(t *testing.T, pool *postgres.Pool, cfg Config, log *slog.Logger, wake func()) *business {
	t.Helper()
	storage, err := newStore(pool, cfg, log, wake)
	if err != nil {
		t.Fatal(err)
	}
	b := &business{}
	b.entries, b.markets, b.copies = services(storage, b.newID)
	b.events = newConsumer(pool, cfg, storage, b.copies, newOwner(pool, cfg, storage, b.entries, log), func() {}, log)
	return b
}

func (b *business) newID() uuid.UUID {
	if id := b.nextID; id != nil {
		b.nextID = nil
		return *id
	}
	return newID()
}

// productArrives applies the first event of a product of the monolith.
func (b *business) productArrives(ctx context.Context, id, name string) error {
	d, err := pact.NewDelivery(consume.TopicProduct, event.Event{
		Type: "monsplit.product.created.v1", Subject: id, Version: 1, Time: time.Now(),
		Data: json.RawMessage(`{"name":"` + name + `","product_category":"Furniture","discontinued":false,"updated_at":"2026-03-01T09:30:00Z"}`),
	})
	if err != nil {
		return err
	}
	return d.To(ctx, b.events)
}

func (b *business) createMarket(ctx context.Context, code, name string) error {
	_, err := b.markets.Create(ctx, market.Draft{ISOCode: code, Name: name}, nil)
	return err
}

// createEntry offers a product in the Netherlands from the start of 2026 until end, or without an end if end is "".
func (b *business) createEntry(ctx context.Context, id, product, end string) error {
	b.nextID = new(uuid.MustParse(id))
	_, err := b.entries.Create(ctx, entry.Draft{Product: uuid.MustParse(product), Market: "NL", Start: date("2026-01-01"), End: date(end)}, nil)
	return err
}

// requestArrives applies a request of the monolith. It creates another entry of the chair in the Netherlands, or it is about
// the entry. The values are JSON.
func (b *business) requestArrives(ctx context.Context, operation, values string, expiresAt time.Time) error {
	about := entryID
	if operation == "create" {
		about = b.request
	}
	d, err := pact.NewDelivery(consume.TopicEntryRequest, event.Event{
		ID: b.request, Type: "monsplit.catalog-entry.change-requested.v1", Subject: chairID, Version: 1, Time: time.Now(),
		Data: json.RawMessage(`{"operation":"` + operation + `","entry":"` + about + `","product":"` + chairID + `","product_version":1,` +
			`"expires_at":"` + expiresAt.UTC().Format(time.RFC3339) + `","values":` + values + `}`),
	})
	if err != nil {
		return err
	}
	return d.To(ctx, b.events)
}

// date parses a valid date. "" is the zero Date.
func date(text string) entry.Date {
	if text == "" {
		return entry.Date{}
	}
	d, err := entry.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// running is the whole catalog as a provider, with its own broker.
type running struct {
	*business
	kafka *kafkatest.Broker
	url   string
}

func run(t *testing.T) *running {
	t.Helper()
	kafka := kafkatest.New(t)
	cfg, log := pact.Config(t, kafka, spec().Migrations), servicetest.NewLog(t)
	frame, err := serviceframe.Open(t.Context(), spec(), cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(frame.Close)
	b := newBusiness(t, frame.Direct, Config{cfg}, slog.New(log), frame.Relay.Wake)
	url := pact.Serve(t, log, func(ctx context.Context) error {
		return frame.Serve(ctx, b.events, httpapi.New(b.entries, b.markets, b.copies, frame.Freshness()))
	})
	return &running{business: b, kafka: kafka, url: url}
}

// announced makes a change and returns the event that is published for it.
func (r *running) announced(ctx context.Context, change func() error) (pact.Published, error) {
	return pact.Announced(ctx, r.kafka, spec().Topics, change)
}

// decided makes the catalog decide about a request, and returns its outcome.
func (r *running) decided(ctx context.Context, request func() error) (pact.Published, error) {
	return pact.Announced(ctx, r.kafka, spec().Queues, request)
}

// errOf returns the error of a call whose result does not matter.
func errOf[T any](_ T, err error) error { return err }

//go:build pact

package monolith

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
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
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/httpapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// The ids that the contracts name.
const (
	chairID   = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"
	entryID   = "0198c0de-5d20-7a11-8c3f-2b9a44d7e610"
	requestID = "0198c0de-7f42-7c33-8e51-4dbc66f90832"
)

// business is the monolith as it is in production, except that a test can choose the id of a product or a request, which
// contracts name.
type business struct {
	products *product.Service
	copies   *catalogcopy.Service
	changes  *catalogchange.Service
	events   *consumer.Consumer[eventTx]
	storage  *store.Store
	nextID   *uuid.UUID // the next new id; nil for a random id
}

func newBusiness(t *testing.T, pool *postgres.Pool, cfg Config, log *slog.Logger, wake func()) *business {
	t.Helper()
	storage, err := newStore(pool, cfg, log, wake)
	if err != nil {
		t.Fatal(err)
	}
	b := &business{events: newConsumer(pool, cfg, log, func(eventTx) {}), storage: storage}
	b.products, b.copies = services(storage, b.newID)
	b.changes = catalogchange.NewService(storage.Changes(), nil, catalogchange.Config{Expiry: time.Hour}, time.Now, b.newID)
	return b
}

func (b *business) newID() uuid.UUID {
	if id := b.nextID; id != nil {
		b.nextID = nil
		return *id
	}
	return newID()
}

// create creates a product with this id.
func (b *business) create(ctx context.Context, id string, d product.Draft) (product.Product, error) {
	b.nextID = new(uuid.MustParse(id))
	return b.products.Create(ctx, d, nil)
}

// marketArrives applies the first event of a market of the catalog.
func (b *business) marketArrives(ctx context.Context, code, name string) error {
	return b.arrives(ctx, consume.TopicMarket, "monsplit.market.created.v1", code,
		`{"name":"`+name+`","updated_at":"2026-03-01T09:30:00Z"}`)
}

// entryArrives applies the first event of an entry of the chair. The dates are JSON.
func (b *business) entryArrives(ctx context.Context, id, market, start, end string) error {
	return b.arrives(ctx, consume.TopicCatalogEntry, "monsplit.catalog-entry.created.v1", id,
		`{"product":"`+chairID+`","market":"`+market+`","availability_date":`+start+`,"availability_end_date":`+end+
			`,"updated_at":"2026-03-01T09:30:00Z"}`)
}

func (b *business) arrives(ctx context.Context, topic, typ, id, data string) error {
	d, err := pact.NewDelivery(topic, event.Event{Type: typ, Subject: id, Version: 1, Time: time.Now(), Data: json.RawMessage(data)})
	if err != nil {
		return err
	}
	return d.To(ctx, b.events)
}

// running is the whole monolith as a provider, with its own broker.
type running struct {
	*business
	kafka *kafkatest.Broker
	url   string
}

func run(t *testing.T) *running {
	t.Helper()
	kafka := kafkatest.New(t)
	cfg, log := Config{Common: pact.Config(t, kafka, spec().Migrations)}, servicetest.NewLog(t)
	frame, err := serviceframe.Open(t.Context(), spec(), cfg.Common, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(frame.Close)
	b := newBusiness(t, frame.Direct, cfg, slog.New(log), frame.Relay.Wake)
	b.changes = newChanges(frame, b.storage, b.copies, cfg, b.newID)
	api := httpapi.New(b.products, b.copies, b.changes, frame.Freshness(), httpapi.NewCalls(""), httpapi.Config{Stream: cfg.HTTP.StreamLimits()})
	url := pact.Serve(t, log, func(ctx context.Context) error { return frame.Serve(ctx, b.events, api) })
	return &running{business: b, kafka: kafka, url: url}
}

// announced makes a change and returns the message that is published for it.
func (r *running) announced(ctx context.Context, change func() error) (pact.Published, error) {
	return pact.Announced(ctx, r.kafka, slices.Concat(spec().Topics, spec().Queues), change)
}

// errOf returns the error of a call whose result does not matter.
func errOf[T any](_ T, err error) error { return err }

// Package catalog wires the catalog service together; no other package knows all of its parts.
package catalog

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/contracts"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/services/catalog/internal/adminpages"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
)

const name = "catalog"

// spec describes the catalog service.
func spec() serviceframe.Spec {
	return serviceframe.Spec{
		Name: name, Prefix: "/catalog", APIPrefix: "/catalog/api/",
		API:     []string{"/catalog/api/v1", "/catalog/api/v1/markets", "/catalog/api/v1/products"},
		OpenAPI: catalogapi.Document, AsyncAPI: asyncapi.Catalog, Pacts: contracts.Pacts, Topics: []string{messages.TopicCatalogEntry, messages.TopicMarket},
		Queues:     []string{messages.TopicCatalogEntryOutcome},
		Consumes:   []string{consume.TopicProduct, consume.TopicEntryRequest},
		Migrations: postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"},
	}
}

// Migrate brings the schema up to date. While the database is away it waits, until ctx is done.
func Migrate(ctx context.Context, cfg Config, log *slog.Logger) error {
	return spec().Migrate(ctx, cfg.Common, log)
}

// Run serves until ctx is done. It brings the schema up to date, unless MIGRATE_ON_START=false.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	frame, err := serviceframe.Open(ctx, spec(), cfg.Common, log)
	if err != nil {
		return err
	}
	defer frame.Close()
	storage, err := newStore(frame.Pool, cfg, log, frame.Relay.Wake)
	if err != nil {
		return err
	}
	entries, markets, copies := services(storage, newID)
	requests := newOwner(frame.Direct, cfg, storage, entries, log)
	events := newConsumer(frame.Direct, cfg, storage, copies, requests, frame.Waiters.Kick, log)
	frame.Collect(requests)
	frame.Waiters.Register(httpapi.ProductCopy, wakeup.UUIDs(copies.Versions))
	frame.Manage(adminpages.Resources(adminpages.Config{
		Entries: entries, Markets: markets, Products: copies, ProductTopic: consume.TopicProduct, Now: time.Now,
	})...)
	frame.Own(models(storage)...)
	return frame.Serve(ctx, events, httpapi.New(entries, markets, copies, frame.Freshness()),
		lifecycle.Part{Name: "parked requests", Run: requests.Run}, lifecycle.Part{Name: "decided requests", Run: requests.Clean})
}

// owner decides about the requests of others to change entries.
type owner = request.Owner[store.Tx, entryrequest.Request]

func newOwner(pool *postgres.Pool, cfg Config, storage *store.Store, entries *entry.Service, log *slog.Logger) *owner {
	decisions := entryrequest.NewService(entries)
	return request.NewOwner(pool, request.OwnerConfig[store.Tx, entryrequest.Request]{
		Topic: consume.TopicEntryRequest, Outcomes: messages.TopicCatalogEntryOutcome,
		Bind: storage.Bind, Raw: store.Tx.Raw, Committed: storage.Committed,
		Read: consume.EntryRequest, UsableKey: consume.UsableKey, Versions: consume.ProductVersions[store.Tx],
		Prepare: func(ctx context.Context, tx store.Tx, requests []entryrequest.Request) error {
			return decisions.Prepare(ctx, tx, requests)
		},
		Decide: func(ctx context.Context, tx store.Tx, r entryrequest.Request) (int64, bool, error) {
			return decisions.Decide(history.ByRequest(ctx, consume.TopicEntryRequest, r.ID), tx, r)
		},
		Refused: entryrequest.Refused, Discarded: entryrequest.Discarded,
		Append: func(ctx context.Context, tx store.Tx, outcomes ...request.Outcome) error {
			return tx.AppendOutcomes(ctx, outcomes...)
		},
		Keep: cfg.Requests.TopicRetention() + 8*24*time.Hour, MetricsNamespace: serviceframe.MetricsNamespace,
	}, log)
}

// newConsumer applies the monolith's events and requests. Entries follow their products, and publish events of their own.
// kick is called after each commit.
func newConsumer(pool *postgres.Pool, cfg Config, storage *store.Store, copies *productcopy.Service, requests *owner, kick func(), log *slog.Logger,
) *consumer.Consumer[store.Tx] {
	return consumer.New(pool, consumer.Config[store.Tx]{
		Group: name,
		Topics: map[string]consumer.Handler[store.Tx]{
			consume.TopicProduct: history.ByEvents(consume.Products[store.Tx](copies)), consume.TopicEntryRequest: requests.Handle,
		},
		Versions:     map[string]consumer.VersionOf[store.Tx]{consume.TopicProduct: consume.ProductVersion[store.Tx]},
		Queues:       map[string]bool{consume.TopicEntryRequest: true},
		DeadLettered: map[string]consumer.DeadLetteredFunc[store.Tx]{consume.TopicEntryRequest: requests.DeadLettered},
		Discarded:    map[string]consumer.DiscardedFunc[store.Tx]{consume.TopicEntryRequest: requests.Discarded},
		Bind:         storage.Bind,
		Committed: func(tx store.Tx) {
			storage.Committed(tx)
			requests.Kick()
			kick()
		},
		Classify:          serviceframe.Classify,
		MetricsNamespace:  serviceframe.MetricsNamespace,
		Transactions:      cfg.ConsumerTransactions(),
		DeadLettersInARow: cfg.Consumer.DeadLettersInARow,
		Tuning:            serviceframe.Tuning(cfg.Common),
	}, log)
}

func newStore(pool postgres.DB, cfg Config, log *slog.Logger, wake func()) (*store.Store, error) {
	markets, errMarket := serviceframe.Encoder(spec(), cfg.Common, log, publish.Market)
	entries, errEntry := serviceframe.Encoder(spec(), cfg.Common, log, publish.Entry)
	outcomes, errOutcome := serviceframe.Encoder(spec(), cfg.Common, log, publish.Outcome)
	if err := errors.Join(errMarket, errEntry, errOutcome); err != nil {
		return nil, err
	}
	return store.New(pool, store.Encode{Market: markets, Entry: entries, Outcome: outcomes}, idempotency.New(cfg.Idempotency), wake), nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // it fails only without a source of randomness

// services returns the business services on their storage.
func services(s *store.Store, newID func() uuid.UUID) (*entry.Service, *market.Service, *productcopy.Service) {
	entries := entry.NewService(s.Entries(), time.Now, newID)
	return entries, market.NewService(s.Markets(), time.Now, newID), productcopy.NewService(s, entries)
}

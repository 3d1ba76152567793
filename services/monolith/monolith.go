// Package monolith wires the monolith together; no other package knows all of its parts.
package monolith

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/contracts"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/services/monolith/internal/adminpages"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/httpapi"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

const name = "monolith"

// spec describes the monolith.
func spec() serviceframe.Spec {
	return serviceframe.Spec{
		Name: name, APIPrefix: "/api/", API: []string{"/api/v1/product", "/api/v1/catalog", "/api/v1/market"},
		OpenAPI: monolithapi.Document, AsyncAPI: asyncapi.Monolith, Pacts: contracts.Pacts,
		Topics: []string{messages.TopicProduct}, Queues: []string{messages.TopicCatalogEntryRequest},
		Consumes:   []string{consume.TopicMarket, consume.TopicCatalogEntry, consume.TopicEntryOutcome},
		Migrations: postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"},
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
	products, copies := services(storage, newID)
	requests := request.NewSentMetrics(frame.Direct, serviceframe.MetricsNamespace, messages.TopicCatalogEntryRequest)
	calls := httpapi.NewCalls(serviceframe.MetricsNamespace)
	frame.Collect(requests, calls)
	changes := newChanges(frame, storage, copies, cfg, newID)
	frame.Manage(adminpages.Resources(adminpages.Config{
		Products: products, Copies: copies, Changes: changes, Wait: cfg.Legacy.Wait, Now: time.Now,
		EntryTopic: consume.TopicCatalogEntry, MarketTopic: consume.TopicMarket,
	})...)
	frame.Own(models(storage)...)
	frame.Need(adminpages.Needs(changes, time.Now))
	api := httpapi.New(products, copies, changes, frame.Freshness(), calls, httpapi.Config{
		Stream: cfg.HTTP.StreamLimits(), ChangeWait: cfg.Legacy.Wait, MaxWait: cfg.HTTP.MaxWait,
	})
	events := newConsumer(frame.Direct, cfg, log, func(tx eventTx) {
		requests.Count(tx.Finished())
		for _, f := range tx.Finished() {
			frame.Waiters.Announce(catalogchange.KindRequest, f.ID.String(), request.FinishedVersion)
		}
		if tx.Copied() {
			frame.Waiters.Kick()
		}
	})
	return frame.Serve(ctx, events, api, lifecycle.Part{Name: "requests", Run: func(ctx context.Context) error {
		return frame.Repeat(ctx, deleteEvery, "finished requests could not be deleted", func() error {
			return request.DeleteFinished(ctx, frame.Direct, cfg.Legacy.Keep)
		})
	}})
}

// deleteEvery bounds by how much longer than the setting a finished request stays in the table.
const deleteEvery = time.Minute

// newChanges takes changes of the catalog, and lets their callers wait for the outcome and for the copy.
func newChanges(
	frame *serviceframe.Frame, s *store.Store, copies *catalogcopy.Service, cfg Config, newID func() uuid.UUID,
) *catalogchange.Service {
	frame.Waiters.Register(catalogchange.KindRequest, wakeup.UUIDs(request.Lookup(frame.Direct)))
	frame.Waiters.Register(catalogchange.KindCopy, wakeup.UUIDs(copies.EntryVersions))
	return catalogchange.NewService(s.Changes(), frame.Waiters, catalogchange.Config{
		Expiry: cfg.Requests.Expiry, Closed: cfg.Legacy.Writes == writesOff,
	}, time.Now, newID)
}

// eventTx is the transaction of the consumer.
type eventTx = *store.EventTx

// newConsumer applies the catalog's events and outcomes. It calls committed after each commit.
func newConsumer(pool *postgres.Pool, cfg Config, log *slog.Logger, committed func(eventTx)) *consumer.Consumer[eventTx] {
	return consumer.New(pool, consumer.Config[eventTx]{
		Group: name,
		Topics: map[string]consumer.Handler[eventTx]{
			consume.TopicMarket: consume.Markets[eventTx], consume.TopicCatalogEntry: consume.Entries[eventTx],
			consume.TopicEntryOutcome: consume.Outcomes[eventTx],
		},
		Versions: map[string]consumer.VersionOf[eventTx]{
			consume.TopicMarket: consume.MarketVersion[eventTx], consume.TopicCatalogEntry: consume.EntryVersion[eventTx],
		},
		Queues:            map[string]bool{consume.TopicEntryOutcome: true},
		Bind:              store.Bind,
		Committed:         committed,
		Classify:          serviceframe.Classify,
		MetricsNamespace:  serviceframe.MetricsNamespace,
		Transactions:      cfg.ConsumerTransactions(),
		DeadLettersInARow: cfg.Consumer.DeadLettersInARow,
		Tuning:            serviceframe.Tuning(cfg.Common),
	}, log)
}

func newStore(pool postgres.DB, cfg Config, log *slog.Logger, wake func()) (*store.Store, error) {
	products, errProduct := serviceframe.Encoder(spec(), cfg.Common, log, publish.Product)
	changes, errChange := serviceframe.Encoder(spec(), cfg.Common, log, publish.Change)
	if err := errors.Join(errProduct, errChange); err != nil {
		return nil, err
	}
	return store.New(pool, store.Encode{Product: products, Change: changes}, idempotency.New(cfg.Idempotency), wake), nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // it fails only without a source of randomness

// services returns the business services on their storage.
func services(s *store.Store, newID func() uuid.UUID) (*product.Service, *catalogcopy.Service) {
	return product.NewService(s, time.Now, newID), catalogcopy.NewService(s)
}

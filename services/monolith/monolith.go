// Package monolith wires the monolith together; no other package knows all of its parts.
package monolith

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/contracts"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
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
		OpenAPI: monolithapi.Document, AsyncAPI: asyncapi.Monolith, Pacts: contracts.Pacts, Topics: []string{messages.TopicProduct},
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
	frame.Waiters.Register(httpapi.EntryCopy, wakeup.UUIDs(copies.EntryVersions))
	api := httpapi.New(products, copies, frame.Freshness(), cfg.HTTP.WriteTimeout)
	return frame.Serve(ctx, newConsumer(frame.Pool, cfg, frame.Waiters.Kick, log), api)
}

// newConsumer applies the catalog's events. kick is called after each commit.
func newConsumer(pool *postgres.Pool, cfg Config, kick func(), log *slog.Logger) *consumer.Consumer[catalogcopy.Tx] {
	return consumer.New(pool, consumer.Config[catalogcopy.Tx]{
		Group: name,
		Topics: map[string]consumer.Handler[catalogcopy.Tx]{
			consume.TopicMarket: consume.Markets, consume.TopicCatalogEntry: consume.Entries,
		},
		Versions: map[string]consumer.VersionOf[catalogcopy.Tx]{
			consume.TopicMarket: consume.MarketVersion, consume.TopicCatalogEntry: consume.EntryVersion,
		},
		Bind:             store.Bind,
		Committed:        func(catalogcopy.Tx) { kick() },
		Classify:         serviceframe.Classify,
		MetricsNamespace: serviceframe.MetricsNamespace,
		Transactions:     cfg.ConsumerTransactions(),
		Tuning:           broker.GroupConfig{MaxRecords: cfg.Consumer.Batch, Partitions: event.Partitions},
	}, log)
}

func newStore(pool *postgres.Pool, cfg Config, log *slog.Logger, wake func()) (*store.Store, error) {
	encode, err := serviceframe.Encoder(spec(), cfg.Common, log, publish.Product)
	if err != nil {
		return nil, err
	}
	return store.New(pool, encode, idempotency.New(cfg.Idempotency), wake), nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // it fails only without a source of randomness

// services returns the business services on their storage.
func services(s *store.Store, newID func() uuid.UUID) (*product.Service, *catalogcopy.Service) {
	return product.NewService(s, time.Now, newID), catalogcopy.NewService(s)
}

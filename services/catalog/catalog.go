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
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
)

const name = "catalog"

// spec tells the catalog service from others.
func spec() serviceframe.Spec {
	return serviceframe.Spec{
		Name: name, Prefix: "/catalog", APIPrefix: "/catalog/api/",
		API:     []string{"/catalog/api/v1", "/catalog/api/v1/markets", "/catalog/api/v1/products"},
		OpenAPI: catalogapi.Document, AsyncAPI: asyncapi.Catalog, Pacts: contracts.Pacts, Topics: []string{messages.TopicCatalogEntry, messages.TopicMarket},
		Migrations: postgres.Migrations{FS: catalogsql.Migrations, Table: "goose_service"},
	}
}

// Migrate brings the schema up to date. It waits for a database that is away, for as long as ctx lets it.
func Migrate(ctx context.Context, cfg config.Service, log *slog.Logger) error {
	return spec().Migrate(ctx, cfg, log)
}

// Run serves until ctx is done. The schema is brought up to date unless cfg says that somebody else does it.
func Run(ctx context.Context, cfg config.Service, log *slog.Logger) error {
	frame, err := serviceframe.Open(ctx, spec(), cfg, log)
	if err != nil {
		return err
	}
	defer frame.Close()
	storage, err := newStore(frame.Pool, cfg, log, frame.Relay.Wake)
	if err != nil {
		return err
	}
	entries, markets, copies := services(storage, newID)
	events := newConsumer(frame.Pool, cfg, storage, copies, log)
	return frame.Serve(ctx, events, httpapi.New(entries, markets, copies))
}

// newConsumer applies the monolith's events. Entries follow their products and announce it.
func newConsumer(pool *postgres.Pool, cfg config.Service, storage *store.Store, copies *productcopy.Service, log *slog.Logger,
) *consumer.Consumer[productcopy.Tx] {
	return consumer.New(pool, consumer.Config[productcopy.Tx]{
		Group:        name,
		Topics:       map[string]consumer.Handler[productcopy.Tx]{consume.TopicProduct: consume.Products(copies)},
		Versions:     map[string]consumer.VersionOf[productcopy.Tx]{consume.TopicProduct: consume.ProductVersion},
		Bind:         storage.Bind,
		Committed:    storage.Committed,
		Transactions: cfg.ConsumerTransactions(),
		Tuning:       broker.GroupConfig{MaxRecords: cfg.ConsumerBatch, Partitions: event.Partitions},
	}, log)
}

func newStore(pool *postgres.Pool, cfg config.Service, log *slog.Logger, wake func()) (*store.Store, error) {
	markets, errMarket := serviceframe.Encoder(spec(), cfg, log, publish.Market)
	entries, errEntry := serviceframe.Encoder(spec(), cfg, log, publish.Entry)
	if err := errors.Join(errMarket, errEntry); err != nil {
		return nil, err
	}
	return store.New(pool, store.Encode{Market: markets, Entry: entries}, wake), nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) } // fails only without a source of randomness

// services is the business on its storage.
func services(s *store.Store, newID func() uuid.UUID) (*entry.Service, *market.Service, *productcopy.Service) {
	entries := entry.NewService(s.Entries(), time.Now, newID)
	return entries, market.NewService(s.Markets(), time.Now, newID), productcopy.NewService(s, entries)
}

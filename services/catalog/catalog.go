// Package catalog wires the catalog service together; no other package knows all of its parts.
package catalog

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/topics"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
)

// name is what the service is called in logs, metrics, PostgreSQL and Kafka; it is the consumer group too.
const name = "catalog"

// Run serves until ctx is done. The schema has to be up to date.
func Run(ctx context.Context, cfg config.Service, log *slog.Logger) error {
	pool, err := postgres.Open(ctx, postgres.Config{URL: cfg.DatabaseURL, MaxConns: cfg.DatabaseMaxConns, Application: name})
	if err != nil {
		return err
	}
	defer pool.Close()
	client, err := broker.New(broker.Config{
		Brokers: cfg.KafkaBrokers, ClientID: name, ProduceTimeout: cfg.OutboxProduceTimeout,
	}, log)
	if err != nil {
		return err
	}
	defer client.Close()

	gate := topics.NewGate(client, log, ownTopics(cfg)...)
	relay := outbox.NewRelay(pool, client, relayConfig(cfg), log)
	storage := newStore(pool, relay.Wake)
	entries, markets, copies := services(storage)
	events := newConsumer(pool, cfg, storage, copies, relay.Wake, log)

	registry := telemetry.NewRegistry(name)
	registry.MustRegister(append(relay.Collectors(), events.Collectors()...)...)
	//nolint:contextcheck // the error handler takes the context of its request
	server := httpserver.New(serverConfig(cfg, registry, []httpserver.Check{
		{Name: "database", Critical: true, Ask: pool.Ping},
		{Name: "kafka", Ask: client.Ping},
		{Name: "topics", Ask: func(context.Context) error { return problems(gate.Problem()) }},
		{Name: "relay", Ask: func(context.Context) error { return relayProblems(relay.State()) }},
		{Name: "consumer", Ask: func(context.Context) error { return problems(events.State().Problems()...) }},
	}), log)
	//nolint:contextcheck // the document is read once, and nothing is waited for
	if err := mountAPI(server, cfg, httpapi.New(entries, markets, copies), log); err != nil {
		return err
	}
	if err := server.Listen(ctx); err != nil {
		return err
	}
	return lifecycle.Run(ctx, cfg.ShutdownGrace,
		lifecycle.Part{Name: "topics", Run: gate.Run},
		lifecycle.Part{Name: "maintenance", Run: maintenance(func(ctx context.Context) error {
			return outbox.Maintain(ctx, pool, cfg.OutboxRetention)
		}, log)},
		lifecycle.Part{Name: "relay", Run: gate.Behind(relay.Run)},
		lifecycle.Part{Name: "consumer", Run: gate.Behind(func(ctx context.Context) error { return events.Run(ctx, client) })},
		lifecycle.Part{Name: "http", Run: server.Run},
	)
}

// newConsumer applies the monolith's events. Entries follow their products and announce it: committed wakes the relay.
func newConsumer(pool *postgres.Pool, cfg config.Service, storage *store.Store, copies *productcopy.Service, committed func(),
	log *slog.Logger,
) *consumer.Consumer[productcopy.Tx] {
	return consumer.New(pool, consumer.Config[productcopy.Tx]{
		Group:     name,
		Topics:    map[string]consumer.Handler[productcopy.Tx]{consume.TopicProduct: consume.Products(copies)},
		Bind:      storage.Bind,
		Committed: committed,
		Tuning:    broker.GroupConfig{MaxRecords: cfg.ConsumerBatch},
	}, log)
}

func newStore(pool *postgres.Pool, wake func()) *store.Store {
	return store.New(pool, store.Encode{Market: publish.Market, Entry: publish.Entry}, wake)
}

// services is the business on its storage.
func services(s *store.Store) (*entry.Service, *market.Service, *productcopy.Service) {
	newID := func() uuid.UUID { return uuid.Must(uuid.NewV7()) } // fails only without a source of randomness
	entries := entry.NewService(s.Entries(), time.Now, newID)
	return entries, market.NewService(s.Markets(), time.Now, newID), productcopy.NewService(s, entries)
}

func ownTopics(cfg config.Service) []broker.TopicSpec {
	specs := make([]broker.TopicSpec, 0, 2)
	for _, topic := range []string{messages.TopicCatalogEntry, messages.TopicMarket} {
		specs = append(specs, broker.TopicSpec{
			Name: topic, Partitions: event.Partitions,
			ReplicationFactor: cfg.KafkaReplicationFactor, MinInSyncReplicas: cfg.KafkaMinInSyncReplicas,
		})
	}
	return specs
}

func relayConfig(cfg config.Service) outbox.Config {
	return outbox.Config{
		Topics:       []string{messages.TopicCatalogEntry, messages.TopicMarket},
		LeaseTimeout: cfg.OutboxLeaseTimeout, RenewEvery: cfg.OutboxLeaseRenew, ProduceTimeout: cfg.OutboxProduceTimeout,
		SweepMin: cfg.OutboxSweepMin, SweepMax: cfg.OutboxSweepMax, ClaimRows: cfg.OutboxBatchRows,
	}
}

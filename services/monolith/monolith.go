// Package monolith wires the monolith together; no other package knows all of its parts.
package monolith

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
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/httpapi"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// name is what the service is called in logs, metrics, PostgreSQL and Kafka; it is the consumer group too.
const name = "monolith"

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
	events := newConsumer(pool, cfg, log)
	products, copies := services(store.New(pool, publish.Product, relay.Wake))

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
	if err := mountAPI(server, cfg, httpapi.New(products, copies, cfg.HTTPWriteTimeout), log); err != nil {
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

func newConsumer(pool *postgres.Pool, cfg config.Service, log *slog.Logger) *consumer.Consumer[catalogcopy.Tx] {
	return consumer.New(pool, consumer.Config[catalogcopy.Tx]{
		Group: name,
		Topics: map[string]consumer.Handler[catalogcopy.Tx]{
			consume.TopicMarket: consume.Markets, consume.TopicCatalogEntry: consume.Entries,
		},
		Bind:   store.Bind,
		Tuning: broker.GroupConfig{MaxRecords: cfg.ConsumerBatch},
	}, log)
}

// services is the business on its storage.
func services(s *store.Store) (*product.Service, *catalogcopy.Service) {
	newID := func() uuid.UUID { return uuid.Must(uuid.NewV7()) } // fails only without a source of randomness
	return product.NewService(s, time.Now, newID), catalogcopy.NewService(s)
}

func ownTopics(cfg config.Service) []broker.TopicSpec {
	return []broker.TopicSpec{{
		Name: messages.TopicProduct, Partitions: event.Partitions,
		ReplicationFactor: cfg.KafkaReplicationFactor, MinInSyncReplicas: cfg.KafkaMinInSyncReplicas,
	}}
}

func relayConfig(cfg config.Service) outbox.Config {
	return outbox.Config{
		Topics:       []string{messages.TopicProduct},
		LeaseTimeout: cfg.OutboxLeaseTimeout, RenewEvery: cfg.OutboxLeaseRenew, ProduceTimeout: cfg.OutboxProduceTimeout,
		SweepMin: cfg.OutboxSweepMin, SweepMax: cfg.OutboxSweepMax, ClaimRows: cfg.OutboxBatchRows,
	}
}

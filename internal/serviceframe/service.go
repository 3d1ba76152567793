// Package serviceframe is the frame that every service is built into: a database, a broker, a relay, a consumer and an HTTP
// server. It wires them together, checks their health, and stops them in an order in which nothing is lost.
package serviceframe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/adminmessages"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/docpages"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/messaging/topics"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
)

// Spec describes one service: what differs between the services.
type Spec struct {
	Name       string   // in logs, metrics, PostgreSQL and Kafka; also the name of the consumer group
	Prefix     string   // the service's own endpoints are available below this path, too; may be empty
	API        []string // paths of the API, for the index page
	APIPrefix  string   // below this path, every route is an operation of the document
	OpenAPI    []byte
	AsyncAPI   []byte
	Pacts      fs.FS    // the pact files of all services, for the pages; may be nil
	Topics     []string // the topics of events that the service owns: it creates them, and no other service writes to them
	Queues     []string // the topics of requests and outcomes that it owns; they keep each message for a limited time
	Consumes   []string // the topics of other services that its consumer reads
	Migrations postgres.Migrations
}

// Frame is a service without its business code.
type Frame struct {
	// Pool is for requests. Each class of requests has connections of its own. Their sessions may be lent by a pooler, so only
	// transactions and single statements work on it.
	Pool postgres.DB
	// Direct is for everything else. Its sessions are the server's own.
	Direct *postgres.Pool
	Relay  *outbox.Relay
	// Waiters are requests that wait for a change. A service registers what can be waited for, and kicks them after each
	// commit of its consumer.
	Waiters *wakeup.Waiters

	watch     *journey.Watch
	sites     []site
	resources []adminui.Resource
	needs     func(context.Context) ([]adminmessages.Need, error) // may be nil
	models    []repair.Model
	spec      Spec
	cfg       config.Common
	log       *slog.Logger
	client    *broker.Client
	keys      idempotency.Keys
	gate      *topics.Gate
	schema    *schema
	upkeep    atomic.Pointer[upkeep]
	conns     connections
	admit     *admission.Gate
	extra     []prometheus.Collector
}

// Open returns the frame. The database and Kafka need not be reachable yet.
func Open(ctx context.Context, spec Spec, cfg config.Common, log *slog.Logger) (*Frame, error) {
	relay := relayConfig(spec, cfg)
	if err := errors.Join(relay.Validate()...); err != nil {
		return nil, err
	}
	conns, err := openConnections(ctx, cfg.Database, spec.Name)
	if err != nil {
		return nil, err
	}
	client, err := connect(spec, cfg, log)
	if err != nil {
		conns.close()
		return nil, err
	}
	return &Frame{
		Pool: conns.requests, Direct: conns.direct, Relay: outbox.NewRelay(conns.direct, client, relay, log),
		watch: journey.NewWatch(conns.direct, journey.WatchConfig{}, log),
		conns: conns, admit: admission.New(cfg.Admission, cfg.Database.Entities()),
		spec: spec, cfg: cfg, log: log, client: client, keys: idempotency.New(cfg.Idempotency), gate: topics.NewGate(client, log, topicSpecs(spec, cfg)...),
		schema: newSchema(spec, cfg, conns.check, log), Waiters: wakeup.New(conns.direct, wakeup.Config{MetricsNamespace: MetricsNamespace}, log),
	}, nil
}

// connect returns a client of Kafka. Kafka need not be reachable yet.
func connect(spec Spec, cfg config.Common, log *slog.Logger) (*broker.Client, error) {
	encryption, err := cfg.Kafka.Access.TLSConfig()
	if err != nil {
		return nil, fmt.Errorf("TLS to Kafka: %w", err)
	}
	return broker.New(broker.Config{
		Brokers: cfg.Kafka.Brokers, Prefix: cfg.Kafka.Prefix, ClientID: spec.Name, ProduceTimeout: cfg.Outbox.ProduceTimeout,
		TLS: encryption, Credentials: cfg.Kafka.Access.Credentials(),
	}, log)
}

// OpenMessaging connects to Kafka for an operator. The service need not run.
func OpenMessaging(spec Spec, cfg config.Common, log *slog.Logger) (cli.Messaging, error) {
	client, err := connect(spec, cfg, log)
	return cli.Messaging{Kafka: client, Publishes: slices.Concat(spec.Topics, spec.Queues), Consumes: spec.Consumes}, err
}

// Freshness lets the API's clients read their own writes, with the kinds that are registered at Waiters.
func (f *Frame) Freshness() httpserver.Freshness {
	return httpserver.Freshness{Waiters: f.Waiters, MaxWait: f.cfg.HTTP.MaxWait}
}

// Close releases what Open acquired. A connection that is still in use after that ends with the process.
func (f *Frame) Close() {
	f.client.Close()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		f.conns.close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout(f.cfg.Shutdown)):
		f.log.Warn("connections to the database are still in use")
	}
}

// Consumer applies the events of other services.
type Consumer interface {
	Run(ctx context.Context, client consumer.Client) error
	State() consumer.State
	Replay(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)
	Discard(ctx context.Context, id int64, by, note string) (consumer.DeadLetter, error)
	Skip(ctx context.Context, kafka consumer.LogReader, tp broker.TopicPartition, by audit.Operator) (consumer.DeadLetter, error)
	Topics() []string
	Collectors() []prometheus.Collector
}

// Collect adds metrics of the service's own. Call it before Serve.
func (f *Frame) Collect(collectors ...prometheus.Collector) { f.extra = append(f.extra, collectors...) }

// Serve runs the service until ctx is done. The HTTP server answers at once. The parts that need the schema start when it
// is up to date, among them the service's own parts. Those stop after the consumer and before the relay, so that what they
// append can still be published.
func (f *Frame) Serve(ctx context.Context, events Consumer, api oas.API, parts ...lifecycle.Part) error {
	if want := slices.Sorted(slices.Values(f.spec.Consumes)); !slices.Equal(events.Topics(), want) {
		return fmt.Errorf("%s consumes %q, but its description says %q: commands would repair other topics", f.spec.Name, events.Topics(), want)
	}
	database, closeProbe, err := f.openProbe(ctx)
	if err != nil {
		return err
	}
	defer closeProbe()
	registry := telemetry.NewRegistry(f.spec.Name)
	registry.MustRegister(slices.Concat(f.Relay.Collectors(), f.Waiters.Collectors(), events.Collectors(), f.extra, []prometheus.Collector{f.admit, f.conns.metrics})...)
	pages, err := docpages.Pages(docpages.Config{
		Service: f.spec.Name, Bases: f.spec.bases(), API: f.spec.API, Admin: f.spec.adminPath(), OpenAPI: f.spec.OpenAPI, AsyncAPI: f.spec.AsyncAPI, Pacts: f.spec.Pacts,
		OperationsApart: f.cfg.HTTP.OperationsAddr != "",
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.spec.Name, err)
	}
	server := httpserver.New(httpserver.Config{ //nolint:contextcheck // it uses the context of each request
		Service: f.spec.Name, Addr: f.cfg.HTTP.Addr, OperationsAddr: f.cfg.HTTP.OperationsAddr, Prefix: f.spec.Prefix, API: f.spec.API,
		ReadHeaderTimeout: f.cfg.HTTP.ReadHeaderTimeout, ReadTimeout: f.cfg.HTTP.ReadTimeout,
		RequestTimeout: f.cfg.HTTP.RequestTimeout, WriteTimeout: f.cfg.HTTP.WriteTimeout, IdleTimeout: f.cfg.HTTP.IdleTimeout, ListTimeout: f.cfg.HTTP.ListTimeout,
		OnStop: f.endWaiting, TrustedProxies: f.cfg.HTTP.TrustedProxies, StopDelay: f.cfg.Shutdown.Delay, StopTimeout: stopTimesOf(f.cfg.Shutdown).http,
		Connections: httpserver.ConnectionLimits{All: f.cfg.HTTP.MaxConnections, PerPeer: f.cfg.HTTP.MaxPerPeer}, AllowedHosts: f.cfg.HTTP.AllowedHosts,
		OpenAPI: f.spec.OpenAPI, AsyncAPI: f.spec.AsyncAPI, Pages: pages, Checks: f.checks(events, database), Registry: registry,
	}, f.log)
	admin, err := f.addAdmin(events, server.Check) //nolint:contextcheck // the pages use the context of each request
	if err != nil {
		return err
	}
	f.mountSites(server)                   //nolint:contextcheck // it uses the context of each request
	validator, err := f.mount(server, api) //nolint:contextcheck // it uses the context of each request
	if err != nil {
		return err
	}
	restriction, closeRestriction, err := f.restrict(ctx, server, validator, registry)
	if err != nil {
		return err
	}
	defer closeRestriction()
	if err := server.Listen(ctx); err != nil {
		return err
	}
	all := []lifecycle.Part{
		{Name: "schema", Run: f.schema.run},
		{Name: "topics", Run: f.gate.Run},
		{Name: "maintenance", Run: f.schema.before(f.maintain)},
		{Name: "idempotency", Run: f.schema.before(f.tendKeys)},
		{Name: "history", Run: f.schema.before(f.trimHistory)},
		{Name: "wakeup", Run: f.schema.before(f.Waiters.Run)},
		{Name: "journey", Run: f.schema.before(f.watch.Run)},
		{Name: "relay", Run: f.schema.before(f.gate.Behind(f.Relay.Run))},
	}
	all = append(append(all, admin...), restriction...)
	for _, part := range parts {
		all = append(all, lifecycle.Part{Name: part.Name, Run: f.schema.before(part.Run)})
	}
	return lifecycle.Run(ctx, f.cfg.Shutdown.Grace, append(all,
		lifecycle.Part{Name: "consumer", Run: f.schema.before(f.gate.Behind(func(ctx context.Context) error { return events.Run(ctx, f.client) }))},
		lifecycle.Part{Name: "http", Run: server.Run},
	)...)
}

// endWaiting ends the requests that wait for something, when a stop begins.
func (f *Frame) endWaiting() {
	f.Waiters.Stop()
	f.watch.Stop()
}

// bases returns the paths below which the service's own endpoints are available.
func (s Spec) bases() []string {
	if s.Prefix == "" {
		return []string{""}
	}
	return []string{"", s.Prefix}
}

// UndescribedAnswer is the log message for each answer that does not match the OpenAPI document, if answers are checked.
const UndescribedAnswer = "an answer does not match the OpenAPI document"

// mount adds the API to the server. The requests of each operation are checked first.
func (f *Frame) mount(server *httpserver.Server, api oas.API) (*oas.Validator, error) {
	checks := oas.Config{MaxBody: f.cfg.HTTP.MaxBodyBytes, Available: f.schema.available, Admit: f.admit.Enter}
	if f.cfg.Checks.Responses {
		checks.OnResponse = func(ctx context.Context, err error) {
			f.log.ErrorContext(ctx, UndescribedAnswer, "error", err)
		}
	}
	validator, err := oas.New(f.spec.OpenAPI, checks)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.spec.Name, err)
	}
	return validator, validator.Mount(server.Echo, api, f.spec.APIPrefix)
}

func topicSpecs(spec Spec, cfg config.Common) []broker.TopicSpec {
	owned := func(name string, retention time.Duration) broker.TopicSpec {
		return broker.TopicSpec{
			Name: name, Partitions: event.Partitions, Retention: retention,
			ReplicationFactor: cfg.Kafka.ReplicationFactor, MinInSyncReplicas: cfg.Kafka.MinInSyncReplicas,
		}
	}
	specs := make([]broker.TopicSpec, 0, len(spec.Topics)+len(spec.Queues))
	for _, topic := range spec.Topics {
		specs = append(specs, owned(topic, 0))
	}
	for _, topic := range spec.Queues {
		specs = append(specs, owned(topic, cfg.Requests.TopicRetention()))
	}
	return specs
}

func relayConfig(spec Spec, cfg config.Common) outbox.Config {
	return outbox.Config{
		Topics: slices.Concat(spec.Topics, spec.Queues), MetricsNamespace: MetricsNamespace,
		LeaseTimeout: cfg.Outbox.LeaseTimeout, RenewEvery: cfg.Outbox.LeaseRenew, ProduceTimeout: cfg.Outbox.ProduceTimeout,
		SweepMin: cfg.Outbox.SweepMin, SweepMax: cfg.Outbox.SweepMax, ClaimRows: cfg.Outbox.ClaimRows,
		StopTimeout: stopTimesOf(cfg.Shutdown).relay,
	}
}

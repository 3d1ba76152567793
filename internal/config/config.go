// Package config reads and checks a service's settings. Nobody else reads the environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Service holds the settings of one service. Each field's tags name its variable, its default and what it means; the
// table in docs/configuration.md is made from them.
type Service struct {
	DatabaseURL      string `env:"DATABASE_URL" about:"PostgreSQL database of this service, as postgres://USER:PASSWORD@HOST:PORT/NAME. Required." secret:"url"`
	DatabaseMaxConns int32  `env:"DATABASE_MAX_CONNS" envDefault:"16" about:"most connections of the pool that requests and the consumer share; the consumer takes half of them at most, and the relay opens three of its own beside, and /readyz two"`
	MigrateOnStart   bool   `env:"MIGRATE_ON_START" envDefault:"true" about:"bring the schema up to date before serving; instances that start together wait for each other"`

	KafkaBrokers           []string `env:"KAFKA_BROKERS" about:"brokers to learn the cluster from, as HOST:PORT, separated by commas. Required to serve."`
	KafkaReplicationFactor int      `env:"KAFKA_REPLICATION_FACTOR" envDefault:"3" about:"replicas of the topics that this service creates"`
	KafkaMinInSyncReplicas int      `env:"KAFKA_MIN_INSYNC_REPLICAS" envDefault:"2" about:"replicas that have to hold an event before it counts as sent"`

	HTTPAddr              string        `env:"HTTP_ADDR" about:"address to listen on, as HOST:PORT; :8000 for the monolith and :8001 for the catalog unless it is set"`
	HTTPReadHeaderTimeout time.Duration `env:"HTTP_READ_HEADER_TIMEOUT" envDefault:"5s" about:"how long a client may take to send its header"`
	HTTPReadTimeout       time.Duration `env:"HTTP_READ_TIMEOUT" envDefault:"15s" about:"how long a client may take to send its whole request"`
	HTTPRequestTimeout    time.Duration `env:"HTTP_REQUEST_TIMEOUT" envDefault:"10s" about:"how long the service may take to answer, or to find the next part of a streamed list; then it is 503. Less than HTTP_WRITE_TIMEOUT"`
	HTTPWriteTimeout      time.Duration `env:"HTTP_WRITE_TIMEOUT" envDefault:"30s" about:"how long a client may take to receive the answer; of a streamed list, each part of it"`
	HTTPIdleTimeout       time.Duration `env:"HTTP_IDLE_TIMEOUT" envDefault:"2m" about:"how long a connection is kept between two requests"`
	HTTPMaxBodyBytes      int64         `env:"HTTP_MAX_BODY_BYTES" envDefault:"65536" about:"largest request body; a larger one is answered with 413"`
	HTTPTrustedProxies    Networks      `env:"HTTP_TRUSTED_PROXIES" about:"addresses or networks (CIDR), separated by commas, of proxies whose X-Forwarded-For is believed; none by default. The access log shows the client's address from it"`
	ValidateResponses     bool          `env:"VALIDATE_RESPONSES" envDefault:"false" about:"check every answer against the OpenAPI document and log what differs; for tests and demos, it costs time"`
	ValidateEvents        bool          `env:"VALIDATE_EVENTS" envDefault:"false" about:"refuse a change whose event the AsyncAPI document does not describe, and log why; for tests and demos, it costs time"`

	LogLevel      slog.Level    `env:"LOG_LEVEL" envDefault:"info" about:"debug, info, warn or error"`
	LogFormat     string        `env:"LOG_FORMAT" envDefault:"json" about:"json or text"`
	ShutdownGrace time.Duration `env:"SHUTDOWN_GRACE" envDefault:"20s" about:"how long a stop may take before the process ends anyway; half of what SHUTDOWN_DELAY leaves of it is for requests under way, which are cut off then"`
	ShutdownDelay time.Duration `env:"SHUTDOWN_DELAY" envDefault:"2s" about:"how long requests are still taken once a stop has begun and /readyz fails: what a load balancer needs to look elsewhere; shorter than SHUTDOWN_GRACE"`

	OutboxLeaseTimeout   time.Duration `env:"OUTBOX_LEASE_TIMEOUT" envDefault:"6s" about:"how long a shard stays with an instance that fell silent; longer than one OUTBOX_PRODUCE_TIMEOUT and two OUTBOX_LEASE_RENEW"`
	OutboxLeaseRenew     time.Duration `env:"OUTBOX_LEASE_RENEW" envDefault:"1s" about:"how often an instance says that it is alive"`
	OutboxProduceTimeout time.Duration `env:"OUTBOX_PRODUCE_TIMEOUT" envDefault:"2s" about:"how long Kafka may take to acknowledge a batch"`
	OutboxSweepMin       time.Duration `env:"OUTBOX_SWEEP_MIN" envDefault:"100ms" about:"shortest time between two sweeps for unsent events"`
	OutboxSweepMax       time.Duration `env:"OUTBOX_SWEEP_MAX" envDefault:"1s" about:"longest time between two sweeps for unsent events"`
	OutboxBatchRows      int           `env:"OUTBOX_BATCH_ROWS" envDefault:"6000" about:"most unsent events that are read at once"`
	OutboxRetention      time.Duration `env:"OUTBOX_RETENTION" envDefault:"168h" about:"how long sent events stay in the outbox, at least"`

	ConsumerBatch int `env:"CONSUMER_BATCH" envDefault:"500" about:"most events that are applied in one transaction"`
}

// Needs says whether a command uses a variable: what is wrong with others must not keep it from its work.
type Needs func(variable string) bool

// Everything is what serving needs.
func Everything(string) bool { return true }

// DatabaseAlone is what a command needs that only works on the database.
func DatabaseAlone(variable string) bool {
	return slices.ContainsFunc([]string{"DATABASE_", "MIGRATE_", "LOG_", wholeEnvironment},
		func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
}

// AddressAlone is what a command needs that only talks to the running service.
func AddressAlone(variable string) bool {
	return variable == "HTTP_ADDR" || variable == wholeEnvironment
}

// Load reads the environment over the defaults. The error lists every fault of what is needed, one a line.
func Load(defaults Service, needs Needs) (Service, error) {
	return load(defaults, nil, needs)
}

// LoadFrom is Load of everything from the given variables, for somebody who runs a service inside another program.
func LoadFrom(defaults Service, variables map[string]string) (Service, error) {
	return load(defaults, variables, Everything)
}

// load reads the environment where variables are nil.
func load(defaults Service, variables map[string]string, needs Needs) (Service, error) {
	cfg := defaults
	options := env.Options{Environment: variables, FuncMap: parsers()}
	errs := faults(env.ParseWithOptions(&cfg, options))
	for i, b := range cfg.KafkaBrokers {
		cfg.KafkaBrokers[i] = strings.TrimSpace(b)
	}
	errs = append(errs, cfg.validate(errs)...)
	errs = slices.DeleteFunc(errs, func(f fault) bool { return !needs(f.variable) })
	if len(errs) > 0 {
		return cfg, fmt.Errorf("the configuration is not valid:\n  %w", joined(errs))
	}
	return cfg, nil
}

// wholeEnvironment stands for the variable of a fault that names none.
const wholeEnvironment = "environment"

// ConsumerTransactions is how many transactions the consumer may have under way: catching up must leave connections of
// the pool to requests, and more than a few at a time gain nothing.
func (s Service) ConsumerTransactions() int { return int(min(8, s.DatabaseMaxConns/2)) }

// fault is one thing that is wrong, with the variable that it is about.
type fault struct{ variable, detail string }

func (f fault) Error() string { return f.variable + " " + f.detail }

// faults splits what the parser found.
func faults(err error) []fault {
	var list []fault
	var all env.AggregateError
	if err == nil {
		return nil
	}
	if !errors.As(err, &all) {
		return []fault{{wholeEnvironment, err.Error()}}
	}
	for _, e := range all.Errors {
		var parse env.ParseError
		if errors.As(e, &parse) {
			list = append(list, fault{variableOf(parse.Name), "cannot be read: " + parse.Err.Error()})
			continue
		}
		list = append(list, fault{wholeEnvironment, e.Error()})
	}
	return list
}

func joined(list []fault) error {
	lines := make([]string, len(list))
	for i, f := range list {
		lines[i] = f.Error()
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// validate applies the rules on values, leaving out variables that could not even be read.
func (s Service) validate(unread []fault) []fault {
	var list []fault
	must := func(ok bool, variable, detail string, args ...any) {
		for _, f := range unread {
			if f.variable == variable {
				return
			}
		}
		if !ok {
			list = append(list, fault{variable, fmt.Sprintf(detail, args...)})
		}
	}
	u, err := url.Parse(s.DatabaseURL)
	must(s.DatabaseURL != "" && err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql"), "DATABASE_URL",
		"has to be postgres://USER:PASSWORD@HOST:PORT/NAME")
	must(s.DatabaseMaxConns >= 6, "DATABASE_MAX_CONNS", "is %d: the consumer and requests need at least 6", s.DatabaseMaxConns)
	must(len(s.KafkaBrokers) > 0, "KAFKA_BROKERS", "has to name at least one broker as HOST:PORT")
	for _, b := range s.KafkaBrokers {
		_, _, err := net.SplitHostPort(b)
		must(err == nil, "KAFKA_BROKERS", "has %q, which is not HOST:PORT", b)
	}
	must(s.KafkaReplicationFactor >= 1, "KAFKA_REPLICATION_FACTOR", "is %d, it has to be 1 or more", s.KafkaReplicationFactor)
	must(s.KafkaMinInSyncReplicas >= 1 && s.KafkaMinInSyncReplicas <= s.KafkaReplicationFactor, "KAFKA_MIN_INSYNC_REPLICAS",
		"is %d, it has to be between 1 and KAFKA_REPLICATION_FACTOR (%d)", s.KafkaMinInSyncReplicas, s.KafkaReplicationFactor)
	_, _, err = net.SplitHostPort(s.HTTPAddr)
	must(err == nil, "HTTP_ADDR", "is %q, it has to be HOST:PORT", s.HTTPAddr)
	for _, d := range []struct {
		variable string
		value    time.Duration
	}{
		{"HTTP_READ_HEADER_TIMEOUT", s.HTTPReadHeaderTimeout}, {"HTTP_READ_TIMEOUT", s.HTTPReadTimeout},
		{"HTTP_REQUEST_TIMEOUT", s.HTTPRequestTimeout}, {"HTTP_WRITE_TIMEOUT", s.HTTPWriteTimeout}, {"HTTP_IDLE_TIMEOUT", s.HTTPIdleTimeout}, {"SHUTDOWN_GRACE", s.ShutdownGrace},
		{"OUTBOX_LEASE_TIMEOUT", s.OutboxLeaseTimeout}, {"OUTBOX_LEASE_RENEW", s.OutboxLeaseRenew},
		{"OUTBOX_PRODUCE_TIMEOUT", s.OutboxProduceTimeout}, {"OUTBOX_SWEEP_MIN", s.OutboxSweepMin}, {"OUTBOX_RETENTION", s.OutboxRetention},
	} {
		must(d.value > 0, d.variable, "is %s, it has to be longer than nothing", d.value)
	}
	must(s.ShutdownDelay >= 0 && (s.ShutdownGrace <= 0 || s.ShutdownDelay < s.ShutdownGrace), "SHUTDOWN_DELAY",
		"is %s, it has to be shorter than SHUTDOWN_GRACE (%s)", s.ShutdownDelay, s.ShutdownGrace)
	must(s.HTTPRequestTimeout < s.HTTPWriteTimeout, "HTTP_REQUEST_TIMEOUT",
		"is %s, it has to be less than HTTP_WRITE_TIMEOUT (%s): the 503 has to get out", s.HTTPRequestTimeout, s.HTTPWriteTimeout)
	must(s.HTTPMaxBodyBytes >= 1024, "HTTP_MAX_BODY_BYTES", "is %d, it has to be 1024 or more", s.HTTPMaxBodyBytes)
	must(s.LogFormat == "json" || s.LogFormat == "text", "LOG_FORMAT", "is %q, it has to be json or text", s.LogFormat)
	must(s.OutboxLeaseTimeout <= 0 || outbox.LeaseHolds(s.OutboxLeaseTimeout, s.OutboxLeaseRenew, s.OutboxProduceTimeout), "OUTBOX_LEASE_TIMEOUT",
		"is %s, it has to be longer than OUTBOX_PRODUCE_TIMEOUT (%s) and two of OUTBOX_LEASE_RENEW (%s): one lost renewal would stop publishing",
		s.OutboxLeaseTimeout, s.OutboxProduceTimeout, s.OutboxLeaseRenew)
	must(s.OutboxSweepMin <= s.OutboxSweepMax, "OUTBOX_SWEEP_MAX", "is %s, it has to be OUTBOX_SWEEP_MIN (%s) or longer", s.OutboxSweepMax, s.OutboxSweepMin)
	must(s.OutboxBatchRows >= 1, "OUTBOX_BATCH_ROWS", "is %d, it has to be 1 or more", s.OutboxBatchRows)
	must(s.ConsumerBatch >= 1, "CONSUMER_BATCH", "is %d, it has to be 1 or more", s.ConsumerBatch)
	return list
}

// Package postgres knows how the services use PostgreSQL: how to connect, which errors of the database a client or a
// service can act on, and how a schema is brought up to date.
package postgres

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// Config says how to reach a database. A zero value means the default that is named below.
type Config struct {
	URL      string // postgres://…, or a keyword/value string as in libpq
	MaxConns int32  // 16
	// Application is the name that pg_stat_activity shows.
	Application string
	// StatementTimeout ends a statement that runs longer, so that a caller that is gone does not hold locks forever; 30 s.
	StatementTimeout time.Duration
	// LockTimeout ends a statement that waits longer for one lock, so that one transaction that hangs does not block all
	// connections; 10 s. It must be less than StatementTimeout, so that the error names the lock as the cause.
	LockTimeout time.Duration
	// Pooled says that the URL leads through a pooler that lends a session for one transaction, such as PgBouncer in transaction
	// mode. Only single statements and transactions work on such a pool. The time-outs are then those of the server. Without
	// Pooled, sessions of a pooler are refused.
	Pooled bool
	// Wait is how long a call waits for a connection of the pool; without it, a call waits until its context is done.
	Wait time.Duration
	// Metrics get the metrics of the pool, under Name; may be nil.
	Metrics *Metrics
	Name    string
}

// connectTimeout bounds one attempt to reach the server.
const connectTimeout = 3 * time.Second

// Pool is a pool of connections. Packages that must not import the driver can use this name.
type Pool = pgxpool.Pool

// Open returns a pool. It does not wait for the server: a database that is away is not an error here. Time-outs and an
// application name in the URL override those of cfg.
func Open(ctx context.Context, cfg Config) (*Pool, error) {
	pool, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("the database URL is not valid: %s", faultOfParameters(cfg.URL))
	}
	pool.MaxConns = orDefault(cfg.MaxConns, 16)
	pool.ConnConfig.ConnectTimeout = connectTimeout
	pool.HealthCheckPeriod = 10 * time.Second
	pool.ConnConfig.Tracer = newMeter(cfg)
	params := pool.ConnConfig.RuntimeParams
	setDefault(params, "application_name", orDefault(cfg.Application, "monsplit"))
	params["timezone"] = "UTC"
	if cfg.Pooled {
		lendSessions(pool.ConnConfig)
	} else {
		for name, value := range limits(cfg) {
			setDefault(params, name, value)
		}
		// The code is correct only with these values, so the URL cannot override them.
		params["default_transaction_isolation"] = "read committed"
		maps.Copy(params, pgtx.PlannerSettings())
		params["synchronous_commit"] = pgtx.DurableCommit(params["synchronous_commit"])
		requireOwnSession(&pool.ConnConfig.Config)
	}
	p, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if cfg.Metrics != nil {
		cfg.Metrics.add(cfg.Name, p)
	}
	return p, nil
}

// limits returns the settings that end statements and transactions that take too long.
func limits(cfg Config) map[string]string {
	return map[string]string{
		"statement_timeout": milliseconds(orDefault(cfg.StatementTimeout, 30*time.Second)),
		"lock_timeout":      milliseconds(orDefault(cfg.LockTimeout, 10*time.Second)),
		// A client that dies between two statements must not keep its locks.
		"idle_in_transaction_session_timeout": milliseconds(time.Minute),
	}
}

func setDefault(params map[string]string, name, value string) {
	if _, given := params[name]; !given {
		params[name] = value
	}
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

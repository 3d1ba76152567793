package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// DB is what the storage of a service needs: a *Pool, or Classed.
type DB interface {
	pgtx.Pool
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Classed gives each class of requests connections of its own, so that requests of one class cannot use up those of another
// one. It takes the class from the context. What is not a request uses the connections of the service's other parts.
//
// A request waits only Settings.ConnectionWait for a connection, and its transactions wait only Settings.LockTimeout for a lock.
// A statement of a list takes at most Settings.ListTimeout.
type Classed struct {
	classes map[admission.Class]*Pool
	direct  *Pool
	begin   string
	// limitList is SQL after the BEGIN of a list's transaction.
	limitList string
}

var _ DB = (*Classed)(nil)

// OpenClassed opens the pools of all classes, under a name. direct are the connections of the other parts; Close does not
// close them.
func OpenClassed(ctx context.Context, s Settings, application string, metrics *Metrics, direct *Pool) (*Classed, error) {
	c := &Classed{
		classes: map[admission.Class]*Pool{}, direct: direct,
		// A transaction sets them too, because a pooler lends sessions.
		limitList: fmt.Sprintf("; SET LOCAL statement_timeout = %d", s.listTimeout().Milliseconds()),
		begin:     fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d", s.lockTimeout().Milliseconds()),
	}
	for class, conns := range s.Shares().classes() {
		cfg := s.Pooled(application)
		cfg.MaxConns, cfg.Wait, cfg.Metrics, cfg.Name = conns, s.connectionWait(), metrics, string(class)
		cfg.LockTimeout = s.lockTimeout() // for reads, which have no transaction
		if class == admission.List {
			cfg.StatementTimeout = s.listTimeout()
		}
		pool, err := Open(ctx, cfg)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.classes[class] = pool
	}
	return c, nil
}

// Close closes the pools of the classes.
func (c *Classed) Close() {
	for _, pool := range c.classes {
		pool.Close()
	}
}

// Pool returns the pool of one class.
func (c *Classed) Pool(class admission.Class) *Pool {
	if pool := c.classes[class]; pool != nil {
		return pool
	}
	return c.direct
}

// BeginTx implements DB.
func (c *Classed) BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	class := admission.Of(ctx)
	if class != "" && options.BeginQuery == "" {
		options.BeginQuery = c.begin
	}
	if class == admission.List {
		options.BeginQuery += c.limitList
	}
	pool := c.Pool(class)
	tx, err := pool.BeginTx(ctx, options)
	return tx, noConnection(ctx, pool, err)
}

// Exec implements DB.
func (c *Classed) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	pool := c.Pool(admission.Of(ctx))
	tag, err := pool.Exec(ctx, sql, args...)
	return tag, noConnection(ctx, pool, err)
}

// Query implements DB.
func (c *Classed) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	pool := c.Pool(admission.Of(ctx))
	rows, err := pool.Query(ctx, sql, args...)
	return rows, noConnection(ctx, pool, err)
}

// QueryRow implements DB.
func (c *Classed) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	pool := c.Pool(admission.Of(ctx))
	return classedRow{pool.QueryRow(ctx, sql, args...), ctx, pool}
}

type classedRow struct {
	pgx.Row
	ctx  context.Context //nolint:containedctx // pgx.Row has the context of its query, too
	pool *Pool
}

// Scan implements pgx.Row.
func (r classedRow) Scan(dest ...any) error { return noConnection(r.ctx, r.pool, r.Row.Scan(dest...)) }

// noConnection returns an error that says so if a call has got no connection within Config.Wait. Of the time-outs of a call,
// this is the only one that ends neither its context nor the attempt to connect.
func noConnection(ctx context.Context, pool *Pool, err error) error {
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || pgtx.NoSession(err) {
		return err
	}
	if stat := pool.Stat(); stat.AcquiredConns()+stat.IdleConns() == 0 { // no connection could be opened
		return apperr.New(apperr.Unavailable, "The database is away.").Because(err)
	}
	return admission.Overloaded("All connections to the database that requests of this kind may use are in use. Try again in a moment.").Because(err)
}

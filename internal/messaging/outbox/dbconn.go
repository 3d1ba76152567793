package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// PlannerSettings returns the PostgreSQL settings of the connections that claim. It is exported for tools that explain or
// time claims. The settings force index scans in nested loops: outbox_pending is empty at one moment and holds a million rows
// at the next. Its statistics are therefore always wrong, and an estimate must never choose a scan of the whole table. A claim
// is planned once, because it is frequent, and planning it takes longer than executing it. So its plan must be the same for
// empty tables and for full ones. Other statements of the relay use pgtx.PlannerSettings.
func PlannerSettings() map[string]string {
	return map[string]string{
		"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_sort": "off", "enable_material": "off", "enable_memoize": "off",
		"jit": "off", "plan_cache_mode": "force_generic_plan",
	}
}

// dbConn is a database connection that only the relay uses. It is opened at its first use, and again after a failure.
// One goroutine uses it at a time. The relay does not use the pool for this: publishing must not wait for requests, and
// requests must not wait for publishing.
type dbConn struct {
	config      *pgx.ConnConfig
	conn        *pgx.Conn
	reconnected bool // the connection was opened again, and takeReconnected has not been called since
}

// errReconnected reports that a connection was opened again. The database may now be another server, with another
// history. So the logs have to be compared before anything is read or written.
var errReconnected = errors.New("the connection to the database was opened again")

func newDBConn(config *pgx.ConnConfig, settings ...map[string]string) *dbConn {
	config = config.Copy()
	config.RuntimeParams["application_name"] = strings.TrimSpace(config.RuntimeParams["application_name"] + " outbox relay")
	for _, set := range settings {
		for name, value := range set {
			config.RuntimeParams[name] = value
		}
	}
	return &dbConn{config: config}
}

func (l *dbConn) queries(ctx context.Context) (*messagingdb.Queries, error) {
	if l.conn == nil || l.conn.IsClosed() {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return nil, fmt.Errorf("connect to the database: %w", err)
		}
		l.reconnected = l.reconnected || l.conn != nil
		l.conn = conn
	}
	return messagingdb.New(l.conn), nil
}

// takeReconnected reports whether the connection was opened again since the last call.
func (l *dbConn) takeReconnected() bool {
	reconnected := l.reconnected
	l.reconnected = false
	return reconnected
}

// queriesUnlessReconnected returns errReconnected if the connection has just been opened again. The next call succeeds.
func (l *dbConn) queriesUnlessReconnected(ctx context.Context) (*messagingdb.Queries, error) {
	q, err := l.queries(ctx)
	if err == nil && l.takeReconnected() {
		return nil, errReconnected
	}
	return q, err
}

// close closes the connection, within the time of ctx.
func (l *dbConn) close(ctx context.Context) {
	if l.conn == nil {
		return
	}
	_ = l.conn.Close(ctx) // without it, the server notices the end by itself
}

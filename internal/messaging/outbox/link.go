package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// PlannerSettings are those of the connections that claim and mark, for whoever wants to explain or time their
// statements. They pin the plan to index scans in nested loops: outbox_pending is empty at one moment and holds a million
// rows at the next, so statistics are always wrong, and an estimate must not switch to a scan of everything.
func PlannerSettings() map[string]string {
	return map[string]string{
		"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_sort": "off", "enable_material": "off", "enable_memoize": "off",
		"jit": "off", "plan_cache_mode": "force_generic_plan",
	}
}

// link is a database connection of the relay's own, opened when it is needed and again after a failure. It is used by
// one goroutine at a time. Connections of the pool would not do: publishing must not wait for requests, nor the other
// way round.
type link struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
}

func newLink(config *pgx.ConnConfig, settings ...map[string]string) *link {
	config = config.Copy()
	config.RuntimeParams["application_name"] = strings.TrimSpace(config.RuntimeParams["application_name"] + " outbox relay")
	for _, set := range settings {
		for name, value := range set {
			config.RuntimeParams[name] = value
		}
	}
	return &link{config: config}
}

func (l *link) queries(ctx context.Context) (*messagingdb.Queries, error) {
	if l.conn == nil || l.conn.IsClosed() {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return nil, fmt.Errorf("connect to the database: %w", err)
		}
		l.conn = conn
	}
	return messagingdb.New(l.conn), nil
}

func (l *link) close(ctx context.Context) {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // the server notices by itself
}

package serviceframe

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	historysql "github.com/monsplit/monsplit/sql/history"
)

// The part deletes old history when it starts, keeps the rest, and ends with its context.
func TestOldHistoryIsDeleted(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"})
	if _, err := pool.Exec(t.Context(), `INSERT INTO object_history (model, key, version, kind, changed_at, actor_kind, actor, cause, event_id, fields)
		SELECT 'product', key, 1, 'created', now() - age, 'user', '', '', gen_random_uuid(), '[]'
		FROM (VALUES ('old', interval '37 hours'), ('new', interval '35 hours')) AS given (key, age)`); err != nil {
		t.Fatal(err)
	}
	log := waiting{slog.DiscardHandler, make(chan struct{}, 1)} // hears that something was deleted
	f := &Frame{
		Direct: pool, log: slog.New(log), cfg: config.Common{History: history.Settings{Retention: 36 * time.Hour}},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.trimHistory(ctx) }()
	select {
	case <-log.once:
	case <-time.After(30 * time.Second):
		t.Error("nothing was deleted")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	var left string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(key, ',') FROM object_history`).Scan(&left); err != nil || left != "new" {
		t.Errorf("left %s, %v", left, err)
	}
}

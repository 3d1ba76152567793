package serviceframe

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// The part deletes old idempotency keys when it starts, keeps the others, and ends with its context.
func TestOldIdempotencyKeysAreDeleted(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if _, err := pool.Exec(t.Context(), `INSERT INTO idempotency_key
		VALUES ('old', '', '{}', now() - interval '37 hours'), ('new', '', '{}', now() - interval '35 hours')`); err != nil {
		t.Fatal(err)
	}
	f := &Frame{
		Direct: pool, log: slog.New(slog.DiscardHandler), keys: idempotency.New(idempotency.Settings{Retention: 36 * time.Hour}),
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.tendKeys(ctx) }()
	deadline := time.After(10 * time.Second)
	for left := ""; left != "new"; {
		if err := pool.QueryRow(t.Context(), `SELECT string_agg(convert_from(id, 'UTF8'), ',' ORDER BY id) FROM idempotency_key`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		select {
		case <-deadline:
			t.Fatalf("the table has %q", left)
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A database that is away must not end the service: the part logs the error and goes on.
func TestAFailedDeletionDoesNotEndTheService(t *testing.T) {
	t.Parallel()
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	log := waiting{slog.DiscardHandler, make(chan struct{}, 1)}
	f := &Frame{Direct: pool, log: slog.New(log)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.tendKeys(ctx) }()
	<-log.once
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

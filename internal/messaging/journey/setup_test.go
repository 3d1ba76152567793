package journey_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestMain fails if goroutines outlive the tests. A server that pgtest has started ends with the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
}

// appendEvent commits an event of a change of the key, and returns it.
func appendEvent(t *testing.T, pool *pgxpool.Pool, topic, key string, version int64) event.Message {
	t.Helper()
	m := event.Message{ID: uuid.Must(uuid.NewV7()), Topic: topic, Key: key, Version: version, Type: "shop.order.paid.v1"}
	var err error
	if m.Payload, err = json.Marshal(event.Event{
		ID: m.ID.String(), Source: "/shop", Type: m.Type, Subject: key, Time: time.Now(), Version: version, Data: []byte(`{}`),
	}); err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, m) }); err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs a part until the test ends.
func run(t *testing.T, part func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func find(t *testing.T, pool *pgxpool.Pool, ref journey.Ref) (journey.Event, bool) {
	t.Helper()
	found, err := journey.Find(t.Context(), pool, ref)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := found[ref]
	return e, ok
}

var quiet = slog.New(slog.DiscardHandler)

//go:build pact

package pact

import (
	"context"
	"log/slog"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// Migrations are those of a whole service.
func Migrations(own postgres.Migrations) []postgres.Migrations {
	return []postgres.Migrations{{FS: messagingsql.Migrations, Table: "goose_messaging"}, own}
}

// Config is the configuration of a service on a database of its own.
func Config(t *testing.T, kafka *kafkatest.Broker, own postgres.Migrations) config.Service {
	t.Helper()
	cfg, err := config.LoadFrom(config.Service{}, map[string]string{
		"DATABASE_URL": pgtest.NewURL(t, Migrations(own)...), "DATABASE_MAX_CONNS": "8", "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_BROKERS": kafka.Addr, "KAFKA_REPLICATION_FACTOR": "1", "KAFKA_MIN_INSYNC_REPLICAS": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Serve runs a service until the test ends, and returns where it answers. The service has to log to listening.
func Serve(t *testing.T, listening Listening, serve func(context.Context) error) (url string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	select {
	case addr := <-listening:
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("the service ended with %v", err)
			}
		})
		return "http://" + addr
	case err := <-ended:
		stop()
		t.Fatalf("the service ended early: %v", err)
		return ""
	}
}

// Listening is a log handler that catches the address that a service listens on.
type Listening chan string

// NewListening returns one for one service.
func NewListening() Listening { return make(Listening, 1) }

// Enabled implements slog.Handler.
func (Listening) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l Listening) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l Listening) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l Listening) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if r.Message == "listening" && a.Key == "addr" {
			l <- a.Value.String()
		}
		return true
	})
	return nil
}

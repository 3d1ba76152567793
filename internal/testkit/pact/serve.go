//go:build pact

package pact

import (
	"context"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// Migrations returns the migrations of a whole service.
func Migrations(own postgres.Migrations) []postgres.Migrations {
	return []postgres.Migrations{{FS: messagingsql.Migrations, Table: "goose_messaging"}, {FS: historysql.Migrations, Table: "goose_history"}, own}
}

// Config returns the common part of the configuration of a service with its own database. The schema exists from the
// start, so that the first request does not meet a service that is still migrating.
func Config(t *testing.T, kafka *kafkatest.Broker, own postgres.Migrations) config.Common {
	t.Helper()
	cfg, err := config.LoadFrom(config.Common{}, map[string]string{
		"DATABASE_URL": pgtest.NewURL(t, Migrations(own)...), "DATABASE_MAX_CONNS": "8", "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_BROKERS": kafka.Addr, "KAFKA_REPLICATION_FACTOR": "1", "KAFKA_MIN_INSYNC_REPLICAS": "1",
		"VALIDATE_RESPONSES": "true", "VALIDATE_EVENTS": "true", "MIGRATE_ON_START": "false",
		"SHUTDOWN_DELAY": "0s", // each interaction starts and stops a service
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Serve runs a service until the test ends, and returns its address. The service must log to log.
func Serve(t *testing.T, log *servicetest.Log, serve func(context.Context) error) (url string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	select {
	case addr := <-log.Listening():
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

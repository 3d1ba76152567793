package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/postgres"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// env is what the suites share: a server, and the functions that clean up.
type env struct {
	postgres   string
	rounds     int
	say        *progress
	brokerUsed string    // name of the broker; "" until a suite needs one
	closers    []func()  // of the current suite
	running    *services // nil until a suite needs them
	last       func()    // stops the server
}

// closeSuite stops what a suite has started, so that the next suite runs on an idle machine.
func (e *env) closeSuite() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
	e.closers, e.running = nil, nil
}

func (e *env) close() {
	e.closeSuite()
	if e.last != nil {
		e.last()
	}
}

// server returns the URL of a server in which the bench may create databases. This is the server in --postgres, or else the
// bench's own, which it starts on the first call. Commits on its own server are fully durable.
func (e *env) server(ctx context.Context) (string, error) {
	if e.postgres != "" {
		return e.postgres, nil
	}
	dir, err := os.MkdirTemp("", "monsplit-bench-")
	if err != nil {
		return "", err
	}
	e.last = func() { _ = os.RemoveAll(dir) }    // it is in the folder for temporary files
	if err := os.Chmod(dir, 0o755); err != nil { // the server may run as another user
		return "", err
	}
	server, err := pgserver.Start(ctx, pgserver.Options{
		DataDir: filepath.Join(dir, "postgres"), Durable: true, Settings: map[string]string{"track_commit_timestamp": "on"},
		Progress: e.say.step,
	})
	if err != nil {
		return "", err
	}
	e.last = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Stop(ctx)  // the measurements are done; the rest of the server ends with the process
		_ = os.RemoveAll(dir) // it is in the folder for temporary files
	}
	e.postgres = server.URL("postgres")
	return e.postgres, nil
}

// emptyDatabase creates a database and returns its URL. The database is dropped when the suite ends.
func (e *env) emptyDatabase(ctx context.Context) (string, error) {
	server, err := e.server(ctx)
	if err != nil {
		return "", err
	}
	address, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("--postgres: %w", err)
	}
	name := "bench_" + uuid.NewString()
	if err := execute(ctx, server, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", err
	}
	e.closers = append(e.closers, func() {
		_ = execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)") // if this fails, the database stays
	})
	address.Path = "/" + name
	return address.String(), nil
}

// database creates a database with the messaging schema, and returns a pool on it.
func (e *env) database(ctx context.Context) (*pgxpool.Pool, error) {
	address, err := e.emptyDatabase(ctx)
	if err != nil {
		return nil, err
	}
	err = postgres.Migrate(ctx, address, slog.New(slog.DiscardHandler),
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if err != nil {
		return nil, err
	}
	return e.pool(ctx, address)
}

func (e *env) pool(ctx context.Context, address string) (*pgxpool.Pool, error) {
	pool, err := postgres.Open(ctx, postgres.Config{URL: address})
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, pool.Close)
	return pool, nil
}

func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// embeddedName is the name of the embedded broker in the table.
const embeddedName = "embedded test broker"

// brokers returns the cluster that KAFKA_BROKERS names, or an embedded broker that stops with the suite.
func (e *env) brokers(ctx context.Context) ([]string, error) {
	if addresses := os.Getenv("KAFKA_BROKERS"); addresses != "" {
		e.brokerUsed = "Kafka at " + addresses
		return strings.Split(addresses, ","), nil
	}
	embedded, err := embeddedbroker.Start(ctx, embeddedbroker.Options{})
	if err != nil {
		return nil, err
	}
	e.brokerUsed = embeddedName
	e.closers = append(e.closers, func() { _ = embedded.Stop(context.WithoutCancel(ctx)) }) // if this fails, it ends with the process
	return []string{embedded.Addr()}, nil
}

// kafka returns a client of the broker.
func (e *env) kafka(ctx context.Context) (*broker.Client, error) {
	addresses, err := e.brokers(ctx)
	if err != nil {
		return nil, err
	}
	return e.client(addresses)
}

func (e *env) client(addresses []string) (*broker.Client, error) {
	client, err := broker.New(broker.Config{Brokers: addresses}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, client.Close)
	return client, nil
}

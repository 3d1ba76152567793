package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/postgres"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// env is what the suites share: a server, and what is to be undone at the end.
type env struct {
	postgres string
	rounds   int
	closers  []func()
}

func (e *env) close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
}

// server returns the URL of a server in which databases may be made: the one named, or one of its own that keeps every
// promise of a commit, started when it is first needed.
func (e *env) server(ctx context.Context) (string, error) {
	if e.postgres != "" {
		return e.postgres, nil
	}
	dir, err := os.MkdirTemp("", "monsplit-bench-")
	if err != nil {
		return "", err
	}
	e.closers = append(e.closers, func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server may run as another user
		return "", err
	}
	server, err := pgserver.Start(ctx, pgserver.Options{DataDir: filepath.Join(dir, "postgres"), Durable: true})
	if err != nil {
		return "", err
	}
	e.closers = append(e.closers, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Stop(ctx)
	})
	e.postgres = server.URL("postgres")
	return e.postgres, nil
}

// database makes a database with the messaging schema. It is dropped at the end.
func (e *env) database(ctx context.Context) (*pgxpool.Pool, error) {
	server, err := e.server(ctx)
	if err != nil {
		return nil, err
	}
	name := "bench_" + uuid.NewString()
	if err := execute(ctx, server, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, func() {
		_ = execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	})
	address, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	address.Path = "/" + name
	err = postgres.Migrate(ctx, address.String(), slog.New(slog.DiscardHandler),
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, postgres.Config{URL: address.String()})
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

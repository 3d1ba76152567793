package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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

// server returns the URL of a server in which databases may be made.
func (e *env) server(context.Context) (string, error) {
	if e.postgres == "" {
		return "", errors.New("name a PostgreSQL server with -postgres")
	}
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
	config, err := pgx.ParseConfig(server)
	if err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	url := fmt.Sprintf("postgres://%s:%s@%s:%d/%s", config.User, config.Password, config.Host, config.Port, name)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	err = postgres.Migrate(ctx, url, log, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, postgres.Config{URL: url})
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

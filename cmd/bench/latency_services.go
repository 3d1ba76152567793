package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

const readyPatience = 30 * time.Second

// startServices runs the monolith and the catalog as in production, until the suite ends. Changes are POSTs.
func startServices(ctx context.Context, e *env, brokers []string) (*chain, error) {
	c := &chain{
		name:        "the services",
		sourceTimes: `SELECT product_uuid, pg_xact_commit_timestamp(xmin) FROM product WHERE product_category = $1`,
		targetTimes: `SELECT id, pg_xact_commit_timestamp(xmin) FROM product_copy WHERE product_category = $1`,
		arrived:     `SELECT count(*) FROM product_copy WHERE product_category = $1`,
	}
	m, err := startService(ctx, e, brokers, monolith.Migrate, monolith.Run)
	if err != nil {
		return nil, fmt.Errorf("monolith: %w", err)
	}
	k, err := startService(ctx, e, brokers, catalog.Migrate, catalog.Run)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	if c.source, err = e.pool(ctx, m.database); err != nil {
		return nil, err
	}
	if c.target, err = e.pool(ctx, k.database); err != nil {
		return nil, err
	}
	for _, s := range []*service{m, k} {
		if err := s.awaitReady(ctx); err != nil {
			return nil, err
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: latencyWorkers}}
	e.closers = append(e.closers, client.CloseIdleConnections)
	c.change = func(ctx context.Context, name, category string) error {
		body, err := json.Marshal(map[string]any{"name": name, "product_category": category})
		if err != nil {
			return err
		}
		_, err = call(ctx, client, http.MethodPost, m.url+"/api/v1/product", body, http.StatusCreated)
		return err
	}
	return c, nil
}

// service is a service that runs in this process.
type service struct {
	url, database string
	ended         chan error // gets one value: the result of Run
}

func startService[C config.Config](ctx context.Context, e *env, brokers []string,
	migrate, run func(context.Context, C, *slog.Logger) error,
) (*service, error) {
	database, err := e.emptyDatabase(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadFrom(*new(C), map[string]string{
		"DATABASE_URL": database, "KAFKA_BROKERS": strings.Join(brokers, ","), "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_REPLICATION_FACTOR": "1", "KAFKA_MIN_INSYNC_REPLICAS": "1", "SHUTDOWN_GRACE": "5s",
	})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	listening := make(listener, 1)
	s := &service{database: database, ended: make(chan error, 1)}
	go func() { s.ended <- run(running, cfg, slog.New(listening)) }()
	e.closers = append(e.closers, func() {
		stop()
		if err := <-s.ended; err != nil {
			e.say.step("a service stopped with: " + err.Error())
		}
	})
	select {
	case addr := <-listening:
		s.url = "http://" + addr
		return s, nil
	case err := <-s.ended:
		s.ended <- err
		return nil, errors.Join(err, errors.New("it ended while it started"))
	}
}

// listener is a log handler that catches the address and ignores everything else.
type listener chan string

func (listener) Enabled(_ context.Context, level slog.Level) bool { return level == slog.LevelInfo }
func (l listener) WithAttrs([]slog.Attr) slog.Handler             { return l }
func (l listener) WithGroup(string) slog.Handler                  { return l }
func (l listener) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "listening" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "addr" {
			l <- a.Value.String()
		}
		return true
	})
	return nil
}

// awaitReady waits until the service reports that all its parts are ready.
func (s *service) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := call(ctx, http.DefaultClient, http.MethodGet, s.url+"/readyz", nil, http.StatusOK)
		if err == nil && bytes.Contains(said, []byte(`"status":"ready"`)) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("a service is not ready; the cluster must not contain topics of other databases: %s", said), err)
		}
	}
}

func call(ctx context.Context, client *http.Client, method, url string, body []byte, want int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return said, err
}

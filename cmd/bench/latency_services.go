package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

const readyPatience = 30 * time.Second

// services are the monolith and the catalog. They run as in production.
type services struct {
	brokers           []string
	monolith, catalog *service
	client            *http.Client
	products          *chain // from the monolith to the catalog; changes are POSTs
}

// services returns both services. It starts them on the first call.
func (e *env) services(ctx context.Context) (*services, error) {
	if e.running != nil {
		return e.running, nil
	}
	e.say.step("starting both services")
	var err error
	s := &services{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: overdueWorkers}}}
	e.closers = append(e.closers, s.client.CloseIdleConnections)
	if s.brokers, err = e.brokers(ctx); err != nil {
		return nil, err
	}
	wait := map[string]string{"LEGACY_WRITE_WAIT": legacyWait.String()}
	if s.monolith, err = startService(ctx, e, s.brokers, wait, monolith.Migrate, monolith.Run); err != nil {
		return nil, fmt.Errorf("monolith: %w", err)
	}
	if s.catalog, err = startService(ctx, e, s.brokers, nil, catalog.Migrate, catalog.Run); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	for _, one := range []*service{s.monolith, s.catalog} {
		if one.pool, err = e.pool(ctx, one.database); err != nil {
			return nil, err
		}
	}
	for _, one := range []*service{s.monolith, s.catalog} {
		if err := one.awaitReady(ctx); err != nil {
			return nil, err
		}
	}
	s.products = s.productChain()
	e.running = s
	return s, nil
}

func (s *services) productChain() *chain {
	return &chain{
		name: "the services", source: s.monolith.pool, target: s.catalog.pool,
		sourceTimes: `SELECT product_uuid, pg_xact_commit_timestamp(xmin) FROM product WHERE product_category = $1`,
		targetTimes: `SELECT id, pg_xact_commit_timestamp(xmin) FROM product_copy WHERE product_category = $1`,
		arrived:     `SELECT count(*) FROM product_copy WHERE product_category = $1`,
		change: func(ctx context.Context, name, category string) error {
			body := map[string]any{"name": name, "product_category": category}
			return s.post(ctx, s.monolith.url+"/api/v1/product", body, http.StatusCreated)
		},
	}
}

// post sends a POST and checks the status of the answer.
func (s *services) post(ctx context.Context, url string, body map[string]any, want int, headers ...string) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = call(ctx, s.client, http.MethodPost, url, data, want, headers...)
	return err
}

// service is a service that runs in this process.
type service struct {
	url, database string
	pool          *pgxpool.Pool // on its database
	stop          func()        // stops it and waits for its end
}

func startService[C config.Config](ctx context.Context, e *env, brokers []string, settings map[string]string,
	migrate, run func(context.Context, C, *slog.Logger) error,
) (*service, error) {
	database, err := e.emptyDatabase(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := serviceConfig[C](database, brokers, settings)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return startInstance(ctx, e, brokers, database, settings, run)
}

func serviceConfig[C config.Config](database string, brokers []string, settings map[string]string) (C, error) {
	variables := map[string]string{
		"DATABASE_URL": database, "KAFKA_BROKERS": strings.Join(brokers, ","), "HTTP_ADDR": "127.0.0.1:0",
		"KAFKA_REPLICATION_FACTOR": "1", "KAFKA_MIN_INSYNC_REPLICAS": "1", "SHUTDOWN_GRACE": "5s",
	}
	maps.Copy(variables, settings)
	return config.LoadFrom(*new(C), variables)
}

// startInstance starts a service on a database that is migrated.
func startInstance[C config.Config](ctx context.Context, e *env, brokers []string, database string, settings map[string]string,
	run func(context.Context, C, *slog.Logger) error,
) (*service, error) {
	cfg, err := serviceConfig[C](database, brokers, settings)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	listening, ended := make(listener, 1), make(chan error, 1)
	go func() { ended <- run(running, cfg, slog.New(listening)) }()
	s := &service{database: database}
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			e.say.step("a service stopped with: " + err.Error())
		}
	})
	e.closers = append(e.closers, s.stop)
	select {
	case addr := <-listening:
		s.url = "http://" + addr
		return s, nil
	case err := <-ended:
		ended <- err
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

// call sends a request and checks the status of the answer. headers are names and values in turn.
func call(ctx context.Context, client *http.Client, method, url string, body []byte, want int, headers ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
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

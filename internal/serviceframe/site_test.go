package serviceframe_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// noEvents is a consumer without topics. Nothing calls its other methods.
type noEvents struct{ *consumer.Consumer[pgx.Tx] }

func (noEvents) Run(ctx context.Context, _ consumer.Client) error { <-ctx.Done(); return nil }
func (noEvents) Topics() []string                                 { return nil }
func (noEvents) State() consumer.State                            { return consumer.State{} }
func (noEvents) Collectors() []prometheus.Collector               { return nil }

// noOperations is an API without operations.
type noOperations struct{}

func (noOperations) Mount(*echo.Echo, map[string][]echo.MiddlewareFunc) {}

// serve runs a frame with a site at /pages until the test ends, and returns its URL. Neither database nor Kafka answers.
func serve(t *testing.T, migrateOnStart bool, site http.Handler) string {
	t.Helper()
	const nowhere = "127.0.0.1:1"
	cfg := config.Common{
		Database: postgres.Settings{URL: "postgres://nobody@" + nowhere + "/none", MaxConns: 2, MigrateOnStart: migrateOnStart},
		Kafka:    config.Kafka{Brokers: []string{nowhere}, ReplicationFactor: 1, MinInSyncReplicas: 1},
		HTTP:     httpserver.Settings{Addr: "127.0.0.1:0", MaxBodyBytes: 8},
		Outbox: config.Outbox{LeaseTimeout: 6 * time.Second, LeaseRenew: time.Second, ProduceTimeout: 2 * time.Second,
			SweepMin: time.Second, SweepMax: time.Second, ClaimRows: 10},
		Shutdown: lifecycle.Settings{Grace: 10 * time.Second},
	}
	log := servicetest.NewLog(t)
	frame, err := serviceframe.Open(t.Context(), serviceframe.Spec{
		Name: "test", APIPrefix: "/api/", AsyncAPI: asyncapi.Monolith, Topics: []string{"things"},
		OpenAPI: []byte("{openapi: 3.0.3, info: {title: Things, version: '1'}, paths: {}}"),
	}, cfg, slog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(frame.Close)
	frame.Handle("/pages", site)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- frame.Serve(ctx, noEvents{}, noOperations{}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case addr := <-log.Listening():
		return "http://" + addr
	case err := <-ended:
		ended <- err
		t.Fatalf("ended early: %v", err)
		return ""
	}
}

// A service adds pages of its own: its handler gets them once the schema is up to date, and no body that is too large.
func TestAServiceAddsPages(t *testing.T) {
	t.Parallel()
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	ready, waiting := serve(t, false, site), serve(t, true, site)
	for name, tt := range map[string]struct {
		url, body string
		want      int
	}{
		"ready":              {ready + "/pages", "a=b", http.StatusOK},
		"below":              {ready + "/pages/things", "a=b", http.StatusOK},
		"beside":             {ready + "/other", "a=b", http.StatusNotFound},
		"with a large body":  {ready + "/pages", "a=bcdefghi", http.StatusRequestEntityTooLarge},
		"without the schema": {waiting + "/pages", "a=b", http.StatusServiceUnavailable},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tt.url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tt.want)
		}
	}
}

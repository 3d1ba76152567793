package httpserver_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

func apart(c *httpserver.Config) { c.OperationsAddr = "127.0.0.1:0" }

var operationPaths = []string{"/livez", "/readyz", "/metrics", "/below/livez", "/below/readyz", "/below/metrics"}

// With a listener of their own, health, metrics and profiles are there, and nowhere else.
func TestOperationsHaveAListener(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, apart)
	other := *b
	other.url = "http://" + b.server.OperationsAddr()
	for _, path := range append([]string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline", "/debug/pprof/symbol"}, operationPaths...) {
		if res, _ := other.get(path); res.StatusCode != http.StatusOK {
			t.Errorf("%s of operations: %s", path, res.Status)
		}
		if res, _ := b.get(path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s beside the API: %s", path, res.Status)
		}
	}
	for _, path := range []string{"/it", "/openapi.yaml", "/", "/debug"} {
		if res, _ := other.get(path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s of operations: %s", path, res.Status)
		}
	}
	if res, _ := other.do(http.MethodHead, "/readyz"); res.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", res.Status)
	}
	if _, index := b.get("/"); strings.Contains(index, "metrics") || strings.Contains(index, "livez") {
		t.Errorf("the index is %s", index)
	}
	b.get("/it")
	if _, metrics := other.get("/metrics"); !strings.Contains(metrics, `route="/it"`) {
		t.Error("the metrics do not have the requests of the API")
	}
}

// By default health and metrics are beside the API, and there are no profiles.
func TestOperationsAreBesideTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range operationPaths {
		if res, _ := b.get(path); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	if res, _ := b.get("/debug/pprof/"); res.StatusCode != http.StatusNotFound || b.server.OperationsAddr() != "" {
		t.Errorf("profiles: %s, at %q", res.Status, b.server.OperationsAddr())
	}
}

// During a stop, the health is told until the last request has ended.
func TestOperationsStopLast(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	b := setup(t, func(c echo.Context) error {
		close(entered)
		<-leave
		return c.NoContent(http.StatusNoContent)
	}, apart)
	operations := "http://" + b.server.OperationsAddr()
	answered := make(chan error, 1)
	go func() {
		res, err := http.Get(b.url + "/it") //nolint:noctx // the test ends it
		if err == nil {
			err = res.Body.Close()
		}
		answered <- err
	}()
	<-entered
	b.stop()
	other := *b
	other.url = operations
	eventually(t, func() bool {
		res, _ := other.get("/readyz")
		return res.StatusCode == http.StatusServiceUnavailable
	})
	close(leave)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestABusyPortOfOperationsIsOneSentence(t *testing.T) {
	t.Parallel()
	first := setup(t, nil, apart)
	second := httpserver.New(httpserver.Config{Addr: "127.0.0.1:0", OperationsAddr: first.server.OperationsAddr(), Registry: prometheus.NewRegistry()},
		slog.New(slog.DiscardHandler))
	if err := second.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP_OPERATIONS_ADDR") {
		t.Errorf("got %v", err)
	}
}

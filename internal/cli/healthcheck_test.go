package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	const away = `{"name":"kafka","status":"degraded","detail":"no broker answers"}`
	tests := map[string]struct {
		status int
		answer string
		want   result
	}{
		"ready":    {200, `{"status":"ready","checks":[{"name":"kafka","status":"ok"}]}`, result{0, "ready\n", ""}},
		"degraded": {200, `{"status":"degraded","checks":[` + away + `]}`, result{0, "degraded: kafka: no broker answers\n", ""}},
		"unavailable": {503, `{"status":"unavailable","checks":[{"name":"database","status":"down","detail":"it is away"},` + away + `]}`,
			result{1, "unavailable: database: it is away; kafka: no broker answers\n", "shop: the service is not ready\n"}},
		"stopping":  {503, `{"status":"stopping","checks":[]}`, result{1, "stopping\n", "shop: the service is not ready\n"}},
		"not ours":  {200, "hello", result{1, "", "does not answer as /readyz does"}},
		"error 500": {500, `{"title":"Internal Server Error","status":500}`, result{1, "", "does not answer"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path != "/readyz" {
					t.Errorf("asked for %s", req.URL.Path)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.answer))
			}))
			defer server.Close()
			r := call(t.Context(), listening(server), nil, "healthcheck")
			if r.code != tt.want.code || r.out != tt.want.out || !strings.Contains(r.err, tt.want.err) || tt.want.err == "" && r.err != "" {
				t.Errorf("%+v, want %+v", r, tt.want)
			}
		})
	}
}

// listening is a service whose HTTP_ADDR is the address of the server.
func listening(server *httptest.Server) App[settings] {
	app := bare()
	app.Load = func(needs config.Needs) (settings, error) {
		return config.Load(settings{Common: config.Common{HTTP: httpserver.Settings{Addr: strings.TrimPrefix(server.URL, "http://")}}}, needs)
	}
	return app
}

func TestHealthcheckWithoutAService(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	app := listening(server)
	server.Close()
	if r := call(t.Context(), app, nil, "healthcheck"); r.code != 1 || !strings.Contains(r.err, "the service does not answer") || r.out != "" {
		t.Errorf("%+v", r)
	}
}

// If the service hangs, the health check still ends.
func TestHealthcheckGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ctx.Done() }))
	defer server.Close()
	defer cancel()
	r := call(t.Context(), listening(server), nil, "healthcheck", "--timeout=50ms")
	if r.code != 1 || !strings.Contains(r.err, "the service does not answer") {
		t.Errorf("%+v", r)
	}
}

func TestHealthcheckAsJSON(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ready","checks":[]}`))
	}))
	defer server.Close()
	r := call(t.Context(), listening(server), nil, "healthcheck", "--json")
	if want := "{\n  \"status\": \"ready\",\n  \"checks\": []\n}\n"; r.code != 0 || r.out != want {
		t.Errorf("%+v", r)
	}
}

// With a listener for operations, /readyz is there.
func TestHealthcheckOfOperations(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ready","checks":[]}`))
	}))
	defer server.Close()
	app := bare()
	app.Load = func(needs config.Needs) (settings, error) {
		http := httpserver.Settings{Addr: "127.0.0.1:1", OperationsAddr: strings.TrimPrefix(server.URL, "http://")}
		return config.Load(settings{Common: config.Common{HTTP: http}}, needs)
	}
	if r := call(t.Context(), app, nil, "healthcheck"); r.code != 0 || r.out != "ready\n" {
		t.Errorf("%+v", r)
	}
}

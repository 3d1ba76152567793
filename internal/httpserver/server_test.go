package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

type bundle struct {
	*testing.T
	server *httpserver.Server
	log    *logBuffer
	url    string
	stop   context.CancelFunc
	ended  chan error
}

// setup runs a server with this handler at GET /it until the test ends.
func setup(t *testing.T, handler echo.HandlerFunc, change ...func(*httpserver.Config)) *bundle {
	t.Helper()
	cfg := httpserver.Config{
		Service: "test", Addr: "127.0.0.1:0", Prefix: "/below", OpenAPI: []byte("openapi"), AsyncAPI: []byte("asyncapi"),
		ReadHeaderTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: time.Second,
		Registry: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	b := &bundle{T: t, log: &logBuffer{}, ended: make(chan error, 1)}
	b.server = httpserver.New(cfg, slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if handler != nil {
		b.server.Echo.GET("/it", handler)
		b.server.Echo.GET("/it/:id", handler)
	}
	if err := b.server.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.url = "http://" + b.server.Addr()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	b.stop = stop
	go func() { b.ended <- b.server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-b.ended; err != nil {
			t.Error(err)
		}
		b.ended <- nil
	})
	return b
}

func (b *bundle) get(path string, header ...string) (*http.Response, string) {
	b.Helper()
	return b.do(http.MethodGet, path, header...)
}

func (b *bundle) do(method, path string, header ...string) (*http.Response, string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.url+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	req.Close = true
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, io.EOF) {
		return &http.Response{}, "cut off before anything was sent"
	}
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		text = []byte("cut off: " + err.Error())
	}
	return resp, string(text)
}

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	secret := errors.New("the password is swordfish")
	tests := map[string]struct {
		err        error
		status     int
		name       string
		retryAfter bool
	}{
		"Malformed":   {apperr.New(apperr.Malformed, "x"), 400, "malformed", false},
		"NotFound":    {apperr.New(apperr.NotFound, "x"), 404, "not-found", false},
		"Conflict":    {apperr.New(apperr.Conflict, "x"), 409, "conflict", false},
		"Coded":       {apperr.Coded(apperr.Conflict, "market-in-use", "x"), 409, "market-in-use", false},
		"InProgress":  {apperr.New(apperr.InProgress, "x"), 409, "in-progress", true},
		"Stale":       {apperr.New(apperr.Stale, "x"), 412, "stale", false},
		"Invalid":     {apperr.InvalidFields("x", apperr.FieldError{Pointer: "/a", Detail: "b"}), 422, "invalid", false},
		"Unavailable": {apperr.New(apperr.Unavailable, "x").Because(secret), 503, "unavailable", true},
		"OwnFault":    {&apperr.Error{Kind: apperr.Unavailable, Detail: "x", OwnFault: true}, 503, "unavailable", true},
		"Internal":    {apperr.New(apperr.Internal, "swordfish"), 500, "internal", false},
		"Unknown":     {secret, 500, "internal", false},
		"Wrapped":     {fmt.Errorf("while: %w", apperr.New(apperr.Stale, "x")), 412, "stale", false},
		"EchoClient":  {echo.NewHTTPError(415, "x"), 415, "unsupported-media-type", false},
		"EchoServer":  {echo.NewHTTPError(502, "swordfish"), 500, "internal", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(echo.Context) error { return tt.err })
			resp, text := b.get("/it", "X-Request-Id", "abc-1")
			var p httpserver.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if resp.StatusCode != tt.status || p.Status != tt.status || p.Type != httpserver.ProblemBase+tt.name ||
				resp.Header.Get("Content-Type") != "application/problem+json" || p.RequestID != "abc-1" || p.Instance != "/it" || p.Title == "" {
				t.Errorf("status %d, problem %s", resp.StatusCode, text)
			}
			if (resp.Header.Get("Retry-After") != "") != tt.retryAfter {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
			if strings.Contains(text, "swordfish") {
				t.Errorf("the answer has an internal message: %s", text)
			}
			if ours := tt.status == 500 || name == "OwnFault"; ours != strings.Contains(b.log.String(), `"request failed"`) {
				t.Errorf("logged %s", b.log)
			}
		})
	}
}

// A problem that another service has decided about is answered as it is, and a link can be added to any error.
func TestForeignProblemsAndLinks(t *testing.T) {
	t.Parallel()
	foreign := &httpserver.Problem{Type: httpserver.ProblemBase + "entry-exists", Title: "Conflict", Status: 409, Detail: "It is there.",
		Errors: []httpserver.ProblemField{{Pointer: "/a", Detail: "b"}}}
	b := setup(t, func(echo.Context) error {
		return fmt.Errorf("while: %w", httpserver.WithLink(foreign, "/there", "status"))
	})
	resp, text := b.get("/it", "X-Request-Id", "abc-1")
	const want = `{"type":"https://monsplit.github.io/problems/entry-exists","title":"Conflict","status":409,` +
		`"detail":"It is there.","instance":"/it","request_id":"abc-1","errors":[{"pointer":"/a","detail":"b"}]}` + "\n"
	if resp.StatusCode != 409 || text != want || resp.Header.Get("Link") != `</there>; rel="status"` {
		t.Errorf("answered %d %s, Link %q", resp.StatusCode, text, resp.Header.Get("Link"))
	}
	if foreign.Instance != "" {
		t.Error("the answer has changed the problem")
	}
	b = setup(t, func(echo.Context) error {
		return httpserver.WithLink(apperr.New(apperr.NotFound, "x"), "/there", "status")
	})
	if resp, text := b.get("/it"); resp.StatusCode != 404 || resp.Header.Get("Link") == "" || !strings.Contains(text, "not-found") {
		t.Errorf("answered %d %s, Link %q", resp.StatusCode, text, resp.Header.Get("Link"))
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t, func(echo.Context) error { panic("a bug") })
	if resp, text := b.get("/it"); resp.StatusCode != 500 || strings.Contains(text, "a bug") || !strings.Contains(b.log.String(), "a bug") {
		t.Errorf("answered %d %s", resp.StatusCode, text)
	}
}

func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error { return c.String(200, "hello "+c.RealIP()) })
	resp, text := b.get("/it/", "X-Forwarded-For", "6.6.6.6", "X-Request-Id", "two words")
	if text != "hello 127.0.0.1" {
		t.Errorf("the path with a slash, or the client's address: %d %s", resp.StatusCode, text)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no Content-Security-Policy")
	}
	if id := resp.Header.Get("X-Request-Id"); id == "two words" || id == "" || !strings.Contains(b.log.String(), id) {
		t.Errorf("request id %q, log %s", id, b.log)
	}
	if resp, text := b.do(http.MethodHead, "/it"); resp.StatusCode != 200 || text != "" {
		t.Errorf("HEAD gives %d %q", resp.StatusCode, text)
	}
	if resp, _ := b.do(http.MethodOptions, "/it"); resp.StatusCode != 204 || resp.Header.Get("Allow") != "OPTIONS, GET, HEAD" {
		t.Errorf("answered %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	if resp, _ := b.do(http.MethodPut, "/it"); resp.StatusCode != 405 || resp.Header.Get("Allow") != "OPTIONS, GET, HEAD" {
		t.Errorf("PUT gives %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	if _, text := b.get("/metrics"); !strings.Contains(text, `http_request_duration_seconds_count{method="GET",route="/it",status="200"}`) {
		t.Errorf("metrics\n%s", text)
	}
}

func TestDocumentsAndIndex(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for path, want := range map[string]string{"/openapi.yaml": "openapi", "/below/asyncapi.yaml": "asyncapi"} {
		resp, text := b.get(path)
		if text != want {
			t.Errorf("%s gives %q", path, text)
		}
		if again, _ := b.get(path, "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s gives %d to a client that has it", path, again.StatusCode)
		}
	}
	if _, text := b.get("/"); !strings.Contains(text, "/openapi.yaml") {
		t.Errorf("index %s", text)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	broken := func(context.Context) error { return errors.New("it is away") }
	well := func(context.Context) error { return nil }
	tests := map[string]struct {
		checks []httpserver.Check
		status int
		want   string
	}{
		"Well":     {[]httpserver.Check{{Name: "database", Critical: true, Ask: well}}, 200, `"status":"ready"`},
		"Degraded": {[]httpserver.Check{{Name: "database", Critical: true, Ask: well}, {Name: "kafka", Ask: broken}}, 200, `{"name":"kafka","status":"degraded","detail":"it is away"}`},
		"Down":     {[]httpserver.Check{{Name: "database", Critical: true, Ask: broken}, {Name: "kafka", Ask: well}}, 503, `{"name":"database","status":"down","detail":"it is away"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil, func(c *httpserver.Config) { c.Checks = tt.checks })
			if resp, text := b.get("/below/readyz"); resp.StatusCode != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("answered %d %s", resp.StatusCode, text)
			}
			if resp, _ := b.get("/livez"); resp.StatusCode != 200 {
				t.Errorf("livez answers %d", resp.StatusCode)
			}
		})
	}
}

// During a stop, the server accepts no new request and finishes the request in progress.
func TestStopFinishesRequestsInProgress(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	b := setup(t, func(c echo.Context) error {
		close(begun)
		<-goOn
		return c.String(200, "finished")
	})
	answer := make(chan string, 1)
	go func() {
		_, text := b.get("/it")
		answer <- text
	}()
	<-begun
	b.stop()
	eventually(t, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.server.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(goOn)
	if text := <-answer; text != "finished" {
		t.Errorf("answered %q", text)
	}
}

func TestABusyPortIsOneSentence(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	second := httpserver.New(httpserver.Config{Addr: b.server.Addr(), Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	if err := second.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "is taken by another process") {
		t.Errorf("error %v", err)
	}
}

func TestNextLink(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		return c.String(200, httpserver.NextLink(c.Request().Context(), "the next"))
	})
	if _, text := b.get("/it?limit=2&search=a%26b&cursor=old"); text != `</it?cursor=the+next&limit=2&search=a%26b>; rel="next"` {
		t.Errorf("link %s", text)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("timed out waiting")
		}
		<-tick.C
	}
}

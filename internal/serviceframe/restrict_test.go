package serviceframe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// operationOf is an operation of a document, with an example for each parameter in its path.
type operationOf struct{ id, method, path, pattern string }

func operationsOf(t *testing.T, document []byte) (all []operationOf) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			path := pattern
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if p.Value.In == openapi3.ParameterInPath {
					example := p.Value.Example
					if example == nil {
						example = p.Value.Schema.Value.Example
					}
					path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", fmt.Sprint(example))
				}
			}
			all = append(all, operationOf{op.OperationID, method, path, pattern})
		}
	}
	return all
}

// apiPrefix returns the part that all paths of a document have in common, up to the last "/api/".
func apiPrefix(operations []operationOf) string {
	before, _, _ := strings.Cut(operations[0].path, "/api/")
	return before + "/api/"
}

// whoAPI answers every operation that it gets with the caller.
type whoAPI []operationOf

func (w whoAPI) Mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
	for _, o := range w {
		e.Add(o.method, strings.NewReplacer("{", ":", "}", "").Replace(o.pattern), func(c echo.Context) error {
			return c.String(http.StatusOK, caller.From(c.Request().Context()).String())
		}, middlewares[o.id]...)
	}
}

// transcript keeps the whole log of a service.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// guardedService is a service whose API answers with the caller.
type guardedService struct {
	apitest.Client
	pool *pgxpool.Pool
	log  *transcript
}

// teeHandler gives each record to the log of the test, and to the transcript.
type teeHandler struct {
	slog.Handler
	other slog.Handler
}

func (h teeHandler) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(h.Handler.Handle(ctx, r), h.other.Handle(ctx, r))
}

// startGuarded starts a service with the operations of a document, and waits until it is ready.
func startGuarded(t *testing.T, name string, document []byte, settings access.Settings, proxies httpserver.Networks) guardedService {
	t.Helper()
	operations := operationsOf(t, document)
	url := pgtest.NewURL(t)
	const nowhere = "127.0.0.1:1"
	cfg := config.Common{
		Database: postgres.Settings{URL: url, MaxConns: 6, MigrateOnStart: true},
		Kafka:    config.Kafka{Brokers: []string{nowhere}, ReplicationFactor: 1, MinInSyncReplicas: 1},
		HTTP:     httpserver.Settings{Addr: "127.0.0.1:0", MaxBodyBytes: 1 << 10, TrustedProxies: proxies},
		Access:   settings,
		Outbox: config.Outbox{LeaseTimeout: 6 * time.Second, LeaseRenew: time.Second, ProduceTimeout: 2 * time.Second,
			SweepMin: time.Second, SweepMax: time.Second, ClaimRows: 10},
		Shutdown: lifecycle.Settings{Grace: 10 * time.Second},
	}
	listening, text := servicetest.NewLog(t), &transcript{}
	log := slog.New(teeHandler{listening, slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})})
	frame, err := serviceframe.Open(t.Context(), serviceframe.Spec{
		Name: name, APIPrefix: apiPrefix(operations), AsyncAPI: asyncapi.Monolith, Topics: []string{"things"}, OpenAPI: document,
		Migrations: postgres.Migrations{Table: "goose_service", FS: fstest.MapFS{"migrations/00001_none.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}}},
	}, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(frame.Close)
	servicetest.Run(t, func(ctx context.Context) error { return frame.Serve(ctx, noEvents{}, whoAPI(operations)) })
	s := guardedService{apitest.Client{T: t, URL: "http://" + <-listening.Listening()}, pgtest.Open(t, url), text}
	kafkatest.Eventually(t, "the schema is up to date", func() bool { return !strings.Contains(s.Get("/readyz").Text, `"down"`) })
	return s
}

// token creates a token, and returns its header.
func (s guardedService) token(name string, scopes ...access.Scope) (id int64, header string) {
	s.T.Helper()
	token, secret, err := access.Create(s.T.Context(), s.pool, audit.Operator{By: "test"}, access.Draft{Name: name, Scopes: scopes, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		s.T.Fatal(err)
	}
	return token.ID, "Bearer " + secret
}

// Every operation of every service needs a token with its scope.
func TestEveryOperationIsGuarded(t *testing.T) {
	t.Parallel()
	for name, document := range services.OpenAPI(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operations := operationsOf(t, document)
			s := startGuarded(t, name, document, access.Settings{Prefixes: []string{"/"}}, nil)
			_, reader := s.token("reader", access.Read)
			_, writer := s.token("writer", access.Write)
			expiredID, expired := s.token("expired", access.Read, access.Write)
			revokedID, revoked := s.token("revoked", access.Read, access.Write)
			if _, err := s.pool.Exec(t.Context(), `UPDATE api_token SET expires_at = now() WHERE id = $1`, expiredID); err != nil {
				t.Fatal(err)
			}
			if _, _, err := access.Revoke(t.Context(), s.pool, audit.Operator{By: "test"}, revokedID); err != nil {
				t.Fatal(err)
			}
			var answers strings.Builder
			for _, o := range operations {
				right, wrong, scope := reader, writer, "read"
				if o.method != http.MethodGet {
					right, wrong, scope = writer, reader, "write"
				}
				bare := fmt.Sprintf("Bearer realm=%q", name)
				for _, tt := range []struct {
					what      string
					headers   []string
					status    int
					problem   string
					challenge string
				}{
					{"no token", nil, 401, "token-missing", bare},
					{"another scheme", []string{"Authorization", "Basic " + right}, 401, "token-missing", bare},
					{"an unknown token", []string{"Authorization", "Bearer " + access.Prefix + strings.Repeat("A", 26)}, 401, "token-invalid", bare + `, error="invalid_token"`},
					{"an expired token", []string{"Authorization", expired}, 401, "token-invalid", bare + `, error="invalid_token"`},
					{"a revoked token", []string{"Authorization", revoked}, 401, "token-invalid", bare + `, error="invalid_token"`},
					{"two headers", []string{"Authorization", right, "Authorization", right}, 400, "malformed", bare + `, error="invalid_request"`},
					{"the wrong scope", []string{"Authorization", wrong}, 403, "scope-missing", bare + `, error="insufficient_scope", scope="` + scope + `"`},
				} {
					if o != operations[0] && tt.problem == "token-invalid" {
						continue // these wait for a query, and depend on no operation
					}
					r := s.Do(o.method, o.path, "", tt.headers...)
					r.Problem(tt.status, tt.problem)
					if challenge := r.Header("WWW-Authenticate"); challenge != tt.challenge {
						t.Errorf("%s %s with %s: challenge %q, want %q", o.method, o.path, tt.what, challenge, tt.challenge)
					}
					fmt.Fprintln(&answers, r.Text)
				}
				r := s.Do(o.method, o.path, "", "Authorization", right)
				if refused := r.Header("WWW-Authenticate"); refused != "" || r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
					t.Errorf("%s %s with its token: %d %s", o.method, o.path, r.Status, refused)
				}
				if r.Status == http.StatusOK && r.Text != "token "+map[bool]string{true: "reader", false: "writer"}[right == reader] {
					t.Errorf("%s %s: the caller is %q", o.method, o.path, r.Text)
				}
			}
			fmt.Fprintln(&answers, s.Get("/metrics").Text)
			for what, text := range map[string]string{"the log": s.log.String(), "an answer or a metric": answers.String()} {
				for _, header := range []string{reader, writer, expired, revoked} {
					if strings.Contains(text, strings.TrimPrefix(header, "Bearer "+access.Prefix)) {
						t.Errorf("%s has a secret", what)
					}
				}
			}
			if !strings.Contains(s.log.String(), "caller=\"token reader\"") {
				t.Error("the log does not say who sent a request")
			}
		})
	}
}

// What is not below a prefix is open, also below the API: the health, the pages, and a part of the API that is not listed.
func TestOnlyThePrefixesAreGuarded(t *testing.T) {
	t.Parallel()
	document := services.OpenAPI(t)["monolith"]
	s := startGuarded(t, "monolith", document, access.Settings{Prefixes: []string{"/api/v1/product/"}}, nil)
	for path, status := range map[string]int{
		"/api/v1/product": 401, "/api/v1/product/7": 401, "/api/v1/product/": 401, "/api/v1/%70roduct": 401, "/api/v1/product/7/deeper": 401,
		"/api/v1/product?access_token=x": 401,
		"/api/v1/market":                 200, "/api/v1/catalog/5": 200, "/api/v1/products": 404, "/livez": 200, "/metrics": 200, "/openapi.yaml": 200, "/": 200,
	} {
		if r := s.Get(path); r.Status != status {
			t.Errorf("%s: %d, want %d", path, r.Status, status)
		}
	}
	if r := s.Get("/api/v1/market", "Authorization", "Bearer nonsense"); r.Status != 200 || r.Text != "anonymous" {
		t.Errorf("a token where none is needed: %d %s", r.Status, r.Text)
	}
	if r := s.Do(http.MethodOptions, "/api/v1/product", ""); r.Status != http.StatusNoContent {
		t.Errorf("OPTIONS: %d", r.Status)
	}
	if r := s.Do(http.MethodHead, "/api/v1/product", ""); r.Status != http.StatusUnauthorized || r.Header("WWW-Authenticate") == "" {
		t.Errorf("HEAD: %d", r.Status)
	}
}

// A client in an allowed network needs no token. Only a trusted proxy says who its client is.
func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	document := services.OpenAPI(t)["monolith"]
	var old, loopback httpserver.Networks
	for networks, text := range map[*httpserver.Networks]string{&old: "192.0.2.0/24", &loopback: "127.0.0.0/8"} {
		if err := networks.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		allowed, proxies httpserver.Networks
		forwarded        string
		want             string // the caller, or "" for 401
	}{
		"TheNetwork":     {loopback, nil, "", "address 127.0.0.0/8"},
		"AnotherNetwork": {old, nil, "", ""},
		"NoProxy":        {old, nil, "192.0.2.7", ""},
		"BehindAProxy":   {old, loopback, "192.0.2.7", "address 192.0.2.0/24"},
		"Spoofed":        {old, loopback, "192.0.2.7, 198.51.100.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startGuarded(t, "monolith", document, access.Settings{Prefixes: []string{"/api/v1"}, Networks: tt.allowed}, tt.proxies)
			var headers []string
			if tt.forwarded != "" {
				headers = []string{"X-Forwarded-For", tt.forwarded}
			}
			r := s.Get("/api/v1/product", headers...)
			if tt.want == "" && r.Status != http.StatusUnauthorized || tt.want != "" && r.Text != tt.want {
				t.Errorf("%d %s, want %q", r.Status, r.Text, tt.want)
			}
		})
	}
}

// A token that sends too much is told when it may go on. The answer has one Retry-After.
func TestTheLimitOfAToken(t *testing.T) {
	t.Parallel()
	s := startGuarded(t, "monolith", services.OpenAPI(t)["monolith"], access.Settings{Prefixes: []string{"/"}, Rate: 1, Burst: 2}, nil)
	_, reader := s.token("reader", access.Read)
	statuses := map[int]int{}
	for range 4 {
		r := s.Get("/api/v1/product", "Authorization", reader)
		statuses[r.Status]++
		if r.Status == http.StatusTooManyRequests {
			r.Problem(http.StatusTooManyRequests, "too-many-requests")
			if after := r.Header("Retry-After"); after != "1" {
				t.Errorf("Retry-After: %q", after)
			}
		}
	}
	if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusOK] < 2 {
		t.Errorf("statuses %v", slices.Collect(maps.Keys(statuses)))
	}
}

// A prefix with a typo would leave the API open. So the service does not start.
func TestAPrefixWithoutOperationsIsRefused(t *testing.T) {
	t.Parallel()
	operations := operationsOf(t, services.OpenAPI(t)["monolith"])
	frame, err := serviceframe.Open(t.Context(), serviceframe.Spec{
		Name: "monolith", APIPrefix: "/api/", AsyncAPI: asyncapi.Monolith, Topics: []string{"things"}, OpenAPI: services.OpenAPI(t)["monolith"],
	}, config.Common{
		Database: postgres.Settings{URL: "postgres://nobody@127.0.0.1:1/none", MaxConns: 6},
		Kafka:    config.Kafka{Brokers: []string{"127.0.0.1:1"}, ReplicationFactor: 1, MinInSyncReplicas: 1},
		HTTP:     httpserver.Settings{Addr: "127.0.0.1:0"},
		Access:   access.Settings{Prefixes: []string{"/api/v1", "/api/v2"}},
		Outbox: config.Outbox{LeaseTimeout: 6 * time.Second, LeaseRenew: time.Second, ProduceTimeout: 2 * time.Second,
			SweepMin: time.Second, SweepMax: time.Second, ClaimRows: 10},
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer frame.Close()
	if err := frame.Serve(t.Context(), noEvents{}, whoAPI(operations)); err == nil || !strings.Contains(err.Error(), `ACCESS_PREFIXES has "/api/v2"`) {
		t.Errorf("got %v", err)
	}
}

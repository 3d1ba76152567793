package adminui_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accountsql "github.com/monsplit/monsplit/sql/account"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

var ada = audit.Operator{By: "ada"}

// service is a service with admin pages, the user admin, and a user for each role.
type service struct {
	*testing.T
	pool      *pgxpool.Pool
	users     *account.Users
	watch     *journey.Watch
	url, base string
	passwords map[string]string
	handler   http.Handler // of the server at url
	routes    []adminui.PageRoute
	log       *sharedBuffer
}

// sharedBuffer is a buffer for several goroutines.
type sharedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func setup(t *testing.T, root string, options ...func(*adminui.Config)) *service {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"})
	users := account.New(pool)
	if _, err := users.CreateFirst(t.Context(), account.Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	log := &sharedBuffer{}
	cfg := adminui.Config{Service: "shop", Title: "Shop", Root: root, Users: users, History: history.NewReader(pool), Lifetime: time.Hour, Idle: time.Hour, Resources: []adminui.Resource{things()},
		Stream: httpserver.StreamLimits{Part: time.Minute, Total: time.Minute}, Log: slog.New(slog.NewTextHandler(log, nil))}
	watch := journey.NewWatch(pool, journey.WatchConfig{Every: 5 * time.Millisecond, Most: 3}, slog.New(slog.DiscardHandler))
	watching, stopWatching := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- watch.Run(watching) }()
	t.Cleanup(func() {
		stopWatching()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	cfg.Journey, cfg.Beat, cfg.EventRetention = watch, 10*time.Millisecond, 7*24*time.Hour
	cfg.Related = adminui.Related{Outbox: "messages/outbox", Letter: "messages/dead-letters/"}
	for _, option := range options {
		option(&cfg)
	}
	pages, err := adminui.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httpserver.New(httpserver.Config{
		Service: "shop", Registry: prometheus.NewRegistry(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}, slog.New(slog.NewTextHandler(log, nil)))
	server.Handle(cfg.Base(), pages, func() error { return nil }, admission.New(admission.Settings{Lists: 10, Writes: 10}, admission.Entities{}))
	server.HandleEvents(cfg.StreamPath(), pages, func() error { return nil })
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	s := &service{t, pool, users, watch, listening.URL, cfg.Base(), map[string]string{"admin": "pass"}, server.Handler(), pages.Routes(), log}
	for name, role := range map[string]account.Role{"vic": account.Viewer, "edith": account.Editor} {
		_, password, err := users.Create(t.Context(), ada, name, role)
		if err != nil {
			t.Fatal(err)
		}
		s.passwords[name] = password
	}
	if err := admintest.KeepPasswords(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	return s
}

// browser keeps cookies, and follows no redirect.
type browser struct {
	*service
	client *http.Client
	header http.Header // of every request
}

func (s *service) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, http.Header{}}
}

// signedIn returns a browser in which a user has signed in.
func (s *service) signedIn(name string) *browser {
	s.Helper()
	b := s.browser()
	if a := b.signIn(name, s.passwords[name]); a.status != http.StatusSeeOther {
		s.Fatalf("%s cannot sign in: %d", name, a.status)
	}
	return b
}

func (b *browser) signIn(name, password string) answer {
	b.Helper()
	return b.post("/sign-in", "name", name, "password", password)
}

// answer is an answer with its body.
type answer struct {
	status int
	header http.Header
	body   string
}

// to returns where the answer leads.
func (a answer) to() string { return a.header.Get("Location") }

func (b *browser) get(path string) answer {
	b.Helper()
	return b.do(http.MethodGet, b.base+path, "")
}

// post sends a form with names and values.
func (b *browser) post(path string, form ...string) answer {
	b.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	return b.do(http.MethodPost, b.base+path, values.Encode())
}

func (b *browser) do(method, path, body string) answer {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = b.header.Clone()
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// shownPassword returns the password on a page that shows one.
func (b *browser) shownPassword(a answer) string {
	b.Helper()
	found := regexp.MustCompile(`<code>([a-z0-9]+)</code>`).FindStringSubmatch(a.body)
	if found == nil {
		b.Fatalf("no password on the page: %d %s", a.status, a.body)
	}
	return found[1]
}

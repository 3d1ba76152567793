// Package admintest shows the admin pages of a service to a test, without a browser.
package admintest

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/postgres"
	accountsql "github.com/monsplit/monsplit/sql/account"
)

// Migrations are the tables of the users. The pool of Serve needs them, and those of messaging and of the history.
var Migrations = postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"}

// Site is a service with admin pages at /admin.
type Site struct {
	testing.TB
	Routes []adminui.PageRoute
	pool   *pgxpool.Pool
	users  *account.Users
	url    string
}

// Serve shows the resources until the test ends.
func Serve(t testing.TB, pool *pgxpool.Pool, resources ...adminui.Resource) *Site {
	t.Helper()
	return ServeConfig(t, pool, adminui.Config{Resources: resources})
}

// ServeConfig shows the resources, sections and overview of cfg until the test ends.
func ServeConfig(t testing.TB, pool *pgxpool.Pool, cfg adminui.Config) *Site {
	t.Helper()
	users := account.New(pool)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg.Service, cfg.Title, cfg.Users, cfg.Lifetime, cfg.Idle, cfg.Log = "shop", "Shop", users, time.Hour, time.Hour, log
	cfg.History = history.NewReader(pool)
	cfg.Journey = journey.NewWatch(pool, journey.WatchConfig{}, log) // pages show what it finds; nothing follows live
	cfg.EventRetention = 7 * 24 * time.Hour
	cfg.Stream = httpserver.StreamLimits{Part: time.Minute, Total: time.Minute}
	pages, err := adminui.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httpserver.New(httpserver.Config{Service: "shop", Registry: prometheus.NewRegistry()}, log)
	server.Handle(cfg.Base(), pages, func() error { return nil }, admission.New(admission.Settings{Lists: 10, Writes: 10}, admission.Entities{}))
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	return &Site{t, pages.Routes(), pool, users, listening.URL}
}

// Browser keeps cookies, and follows no redirect.
type Browser struct {
	*Site
	client *http.Client
	Header http.Header // of every request
}

// Anonymous returns a browser in which nobody has signed in.
func (s *Site) Anonymous() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return &Browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, http.Header{}}
}

// SignIn returns a browser in which a new user with this role has signed in. Each role can sign in once.
func (s *Site) SignIn(role account.Role) *Browser {
	s.Helper()
	_, password, err := s.users.Create(s.Context(), audit.Operator{By: "test"}, "some-"+string(role), role)
	if err == nil {
		err = KeepPasswords(s.Context(), s.pool)
	}
	if err != nil {
		s.Fatal(err)
	}
	b := s.Anonymous()
	if a := b.Post("/sign-in", "name", "some-"+string(role), "password", password); a.Status != http.StatusSeeOther {
		s.Fatalf("%s cannot sign in: %d", role, a.Status)
	}
	return b
}

// KeepPasswords lets all users keep the passwords that they were created with.
func KeepPasswords(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `UPDATE admin_user SET must_change_password = false`)
	return err
}

// Answer is an answer with its body.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	t      testing.TB
}

// To returns where the answer leads, below the first page.
func (a Answer) To() string { return strings.TrimPrefix(a.Header.Get("Location"), "/admin") }

// Get asks for a page below the first one.
func (b *Browser) Get(path string) Answer {
	b.Helper()
	return b.Do(http.MethodGet, path, nil)
}

// Counted returns a list with all its counts. On a busy machine they can take too long, and then a list has only some.
func (b *Browser) Counted(path string) Answer {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		a := b.Get(path).Must(http.StatusOK)
		if a.allCounted() {
			return a
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s has no counts: %s", path, a.Body)
		}
	}
}

// allCounted reports whether the page has the number of all rows, and that of each choice of the filters that are lists.
func (a Answer) allCounted() bool {
	_, filters, _ := strings.Cut(a.Body, `<div class="sorts">`)
	_, filters, _ = strings.Cut(filters, "</div>")
	choices := strings.Count(filters, "<li>") - strings.Count(filters, "<ul>") // each list begins with "All"
	return strings.Contains(a.Body, `<p class="count"><span><strong>`) && strings.Count(filters, `<span class="n">`) == choices
}

// Post sends a form with names and values.
func (b *Browser) Post(path string, form ...string) Answer {
	b.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	return b.Do(http.MethodPost, path, values)
}

// Do sends a request. A form is nil if there is none.
func (b *Browser) Do(method, path string, form url.Values) Answer {
	b.Helper()
	a, err := b.Try(method, path, form)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// Try is Do for an answer that may break off.
func (b *Browser) Try(method, path string, form url.Values) (Answer, error) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.url+"/admin"+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = b.Header.Clone()
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Answer{res.StatusCode, res.Header, string(text), b}, err
}

// Follow returns the page to which the answer leads.
func (b *Browser) Follow(a Answer) Answer {
	b.Helper()
	if a.Status != http.StatusSeeOther {
		b.Fatalf("the answer leads nowhere: %d %s", a.Status, a.Body)
	}
	return b.Get(a.To())
}

// Must fails the test unless the answer has this status, and all texts, as HTML or as people read them.
func (a Answer) Must(status int, texts ...string) Answer {
	a.t.Helper()
	_, content, found := strings.Cut(a.Body, "<main")
	if !found {
		content = a.Body
	}
	if a.Status != status {
		a.t.Fatalf("got %d, want %d: %s", a.Status, status, content)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) && !strings.Contains(html.UnescapeString(a.Body), text) {
			a.t.Errorf("the page does not have %q: %s", text, content)
		}
	}
	return a
}

var link = regexp.MustCompile(`<th scope="row"[^>]*><a href="[^"]*">([^<]*)</a>`)

// Rows returns the names of the rows of a list, as HTML.
func (a Answer) Rows() (names []string) {
	for _, found := range link.FindAllStringSubmatch(a.Body, -1) {
		names = append(names, found[1])
	}
	return names
}

var next = regexp.MustCompile(`rel="(next|prev)" href="/admin([^"]*)"`)

// Page returns the address of the next page of a list, or of the previous one, and "" if there is none. which is next or prev.
func (a Answer) Page(which string) string {
	for _, found := range next.FindAllStringSubmatch(a.Body, -1) {
		if found[1] == which {
			return html.UnescapeString(found[2])
		}
	}
	return ""
}

var input = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// Hidden returns the hidden inputs of a page's forms.
func (a Answer) Hidden() url.Values {
	values := url.Values{}
	for _, found := range input.FindAllStringSubmatch(a.Body, -1) {
		values.Add(html.UnescapeString(found[1]), html.UnescapeString(found[2]))
	}
	return values
}

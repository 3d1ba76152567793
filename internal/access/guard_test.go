package access

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// guarded returns a guard of /api/v1, with these tokens.
func guarded(t *testing.T, limit Limit, tokens map[string]valid) *Guard {
	t.Helper()
	m := &memory{tokens: tokens}
	known := newTokens(m.read, limit, slog.New(slog.DiscardHandler))
	run(t, known.Run)
	return NewGuard(Settings{
		Prefixes: []string{"/api/v1/"},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::/32")},
	}, API{Realm: "shop", Prefix: "/api/", MetricsNamespace: "test"}, known)
}

func TestRequestsAreIdentified(t *testing.T) {
	t.Parallel()
	reader, writer, both, expired := newSecret(), newSecret(), newSecret(), newSecret()
	later := time.Now().Add(time.Hour)
	g := guarded(t, Limit{}, map[string]valid{
		reader:  {name: "report", scopes: []Scope{Read}, expiresAt: later},
		writer:  {name: "import", scopes: []Scope{Write}, expiresAt: later},
		both:    {name: "shop", scopes: []Scope{Read, Write}, expiresAt: later},
		expired: {name: "old", scopes: []Scope{Read}, expiresAt: time.Now()},
	})
	const (
		bare    = `Bearer realm="shop"`
		invalid = `Bearer realm="shop", error="invalid_token"`
		broken  = `Bearer realm="shop", error="invalid_request"`
	)
	lacks := func(scope string) string {
		return `Bearer realm="shop", error="insufficient_scope", scope="` + scope + `"`
	}
	for name, tt := range map[string]struct {
		method      string
		credentials []string
		client      string
		who         string // or
		status      int
		challenge   string
	}{
		"Read":             {"GET", []string{"Bearer " + reader}, "", "token report", 0, ""},
		"HeadReads":        {"HEAD", []string{"Bearer " + reader}, "", "token report", 0, ""},
		"Write":            {"POST", []string{"Bearer " + writer}, "", "token import", 0, ""},
		"BothRead":         {"GET", []string{"Bearer " + both}, "", "token shop", 0, ""},
		"BothWrite":        {"DELETE", []string{"Bearer " + both}, "", "token shop", 0, ""},
		"SchemeInAnyCase":  {"GET", []string{"bEARER   " + reader + " "}, "", "token report", 0, ""},
		"ReaderWrites":     {"PATCH", []string{"Bearer " + reader}, "", "", 403, lacks("write")},
		"WriterReads":      {"GET", []string{"Bearer " + writer}, "", "", 403, lacks("read")},
		"UnknownMethod":    {"BREW", []string{"Bearer " + reader}, "", "", 403, lacks("write")},
		"None":             {"GET", nil, "", "", 401, bare},
		"Empty":            {"GET", []string{""}, "", "", 401, bare},
		"OtherScheme":      {"GET", []string{"Basic " + reader}, "", "", 401, bare},
		"SchemeAlone":      {"GET", []string{"Bearer"}, "", "", 400, broken},
		"NoScheme":         {"GET", []string{reader}, "", "", 401, bare},
		"TwoTokens":        {"GET", []string{"Bearer " + reader + " " + reader}, "", "", 400, broken},
		"List":             {"GET", []string{"Bearer " + reader + ", Basic x"}, "", "", 400, broken},
		"TwoHeaders":       {"GET", []string{"Bearer " + reader, "Bearer " + reader}, "", "", 400, broken},
		"Unknown":          {"GET", []string{"Bearer " + newSecret()}, "", "", 401, invalid},
		"Expired":          {"GET", []string{"Bearer " + expired}, "", "", 401, invalid},
		"NoSecret":         {"GET", []string{"Bearer abc"}, "", "", 401, invalid},
		"OtherCase":        {"GET", []string{"Bearer " + strings.ToLower(reader)}, "", "", 401, invalid},
		"Prefixed":         {"GET", []string{"Bearer x" + reader}, "", "", 401, invalid},
		"Longer":           {"GET", []string{"Bearer " + reader + "A"}, "", "", 401, invalid},
		"Address":          {"DELETE", nil, "10.1.2.3", "address 10.1.0.0/16", 0, ""},
		"MappedAddress":    {"GET", nil, "::ffff:10.1.2.3", "address 10.1.0.0/16", 0, ""},
		"AddressV6":        {"GET", nil, "2001:db8::7%eth0", "address 2001:db8::/32", 0, ""},
		"OtherAddress":     {"GET", nil, "10.2.0.1", "", 401, bare},
		"NoAddress":        {"GET", nil, "unknown", "", 401, bare},
		"AddressWithToken": {"GET", []string{"Bearer " + both}, "10.1.2.3", "token shop", 0, ""},
		"AddressWithWrong": {"GET", []string{"Bearer " + newSecret()}, "10.1.2.3", "", 401, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://shop.example/api/v1/hat", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header["Authorization"] = tt.credentials
			answer := http.Header{}
			who, err := g.Identify(req, tt.client, answer)
			if challenge := answer.Get("WWW-Authenticate"); challenge != tt.challenge {
				t.Errorf("challenge %q, want %q", challenge, tt.challenge)
			}
			if tt.status == 0 {
				if err != nil || who.String() != tt.who {
					t.Errorf("%v, %v", who, err)
				}
				return
			}
			p := &httpserver.Problem{}
			if !errors.As(err, &p) || p.Status != tt.status || (who != caller.Caller{}) != (tt.status == http.StatusForbidden) {
				t.Errorf("%v, %v, want %d", who, err, tt.status)
			}
			for _, secret := range tt.credentials {
				if text := strings.TrimSpace(strings.TrimPrefix(secret, "Bearer")); len(text) > 3 && strings.Contains(p.Detail, text) {
					t.Errorf("the problem has the secret: %s", p.Detail)
				}
			}
		})
	}
}

// A token that sends more than its limit is told when to come back. It disturbs no other token.
func TestRequestsAreLimited(t *testing.T) {
	t.Parallel()
	busy, other := newSecret(), newSecret()
	later := time.Now().Add(time.Hour)
	g := guarded(t, Limit{PerSecond: 1, Burst: 3}, map[string]valid{
		busy: {name: "shop", scopes: []Scope{Read}, expiresAt: later}, other: {name: "shop", scopes: []Scope{Read}, expiresAt: later},
	})
	ask := func(secret string) (http.Header, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/api/v1/hat", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		answer := http.Header{}
		_, err = g.Identify(req, "", answer)
		return answer, err
	}
	for range 3 {
		if _, err := ask(busy); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := ask(busy)
	p := &httpserver.Problem{}
	if !errors.As(err, &p) || p.Status != http.StatusTooManyRequests || answer.Get("Retry-After") != "1" {
		t.Errorf("%v, Retry-After %q", err, answer.Get("Retry-After"))
	}
	if _, err := ask(other); err != nil {
		t.Errorf("the other token: %v", err)
	}
	if n := testutil.ToFloat64(g.refused.WithLabelValues(reasonLimit)); n != 1 {
		t.Errorf("%v refusals are counted", n)
	}
}

// When the tokens cannot be read, a token is not wrong: its client has to try again.
func TestUnreadableTokensAreNoRefusal(t *testing.T) {
	t.Parallel()
	m := &memory{fault: io.ErrUnexpectedEOF}
	tokens := newTokens(m.read, Limit{}, slog.New(slog.DiscardHandler))
	run(t, tokens.Run)
	g := NewGuard(Settings{Prefixes: []string{"/"}}, API{}, tokens)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/api/v1/hat", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+newSecret())
	if _, err := g.Identify(req, "", http.Header{}); apperr.KindOf(err) != apperr.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestGuardedPaths(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prefixes []string
		guarded  []string
		open     []string
		useless  bool // no operation is below it
	}{
		"Off":        {nil, nil, []string{"/api/v1/hat", "/"}, false},
		"WholeAPI":   {[]string{"/"}, []string{"/api/v1/hat", "/api", "/api/v2"}, []string{"/", "/livez", "/apis", "/metrics"}, false},
		"Version":    {[]string{"/api/v1/"}, []string{"/api/v1/hat", "/api/v1", "/api/v1/hat/7"}, []string{"/api/v10/hat", "/api/v2/hat", "/docs"}, false},
		"Resource":   {[]string{"/api/v1/hat"}, []string{"/api/v1/hat", "/api/v1/hat/7"}, []string{"/api/v1/hats", "/api/v1/cap"}, false},
		"Two":        {[]string{"/api/v1/hat", "/api/v1/cap"}, []string{"/api/v1/hat", "/api/v1/cap/7"}, []string{"/api/v1/coat"}, false},
		"Misspelled": {[]string{"/api/v1/hat", "/apl"}, nil, nil, true},
		"OtherCase":  {[]string{"/API/v1"}, nil, []string{"/api/v1/hat"}, true},
	} {
		g := NewGuard(Settings{Prefixes: tt.prefixes}, API{Prefix: "/api/"}, nil)
		for _, path := range slices.Concat(tt.guarded, tt.open) {
			if got := g.Guards(path); got != slices.Contains(tt.guarded, path) {
				t.Errorf("%s: %s is guarded: %t", name, path, got)
			}
		}
		if err := g.CheckPaths([]string{"/api/v1/hat", "/api/v1/hat/{id}", "/api/v1/cap"}); (err != nil) != tt.useless {
			t.Errorf("%s: %v", name, err)
		}
	}
}

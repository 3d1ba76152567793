package admintest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
)

// Request is a request that a test tries with each role.
type Request struct {
	Method, Path string // below the first page
	Needs        account.Role
}

// CheckTried fails the test if a route that needs a role has none of the requests, or if the route needs another role. So nobody
// can add a route and forget to test who may use it.
func CheckTried(t testing.TB, routes []adminui.PageRoute, tried []Request) {
	t.Helper()
	mux, byPattern, seen := http.NewServeMux(), map[string]adminui.PageRoute{}, map[string]bool{}
	for _, r := range routes {
		pattern := r.Method + " /admin" + r.Path
		mux.Handle(pattern, http.NotFoundHandler())
		byPattern[pattern] = r
	}
	for _, one := range tried {
		path, _, _ := strings.Cut(one.Path, "?")
		_, pattern := mux.Handler(&http.Request{Method: one.Method, URL: &url.URL{Path: "/admin" + path}})
		if r, ok := byPattern[pattern]; !ok || r.Role != one.Needs {
			t.Errorf("%s %s is tried as a page of the role %s, but its route %q needs the role %q", one.Method, one.Path, one.Needs, pattern, r.Role)
		}
		seen[pattern] = true
	}
	for pattern, r := range byPattern {
		if r.Role != "" && !seen[pattern] {
			t.Errorf("no test tries who may use %s", pattern)
		}
	}
}

// CheckGuarded tries every route: without a session, from a page of another site, and with each role that is too low.
func (s *Site) CheckGuarded() {
	s.Helper()
	stranger, forged := s.Anonymous(), s.SignIn(account.Admin)
	forged.Header.Set("Origin", "https://evil.example")
	lower := map[account.Role]*Browser{account.Viewer: s.SignIn(account.Viewer), account.Editor: s.SignIn(account.Editor)}
	for _, r := range s.Routes {
		if r.Role == "" {
			continue
		}
		path := filled(r.Path)
		if a := stranger.Do(r.Method, path, nil); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/sign-in") {
			s.Errorf("%s %s without a session: %d", r.Method, path, a.Status)
		}
		if r.Method != http.MethodGet {
			if a := forged.Do(r.Method, path, url.Values{"name": {"x"}}); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "another site") {
				s.Errorf("%s %s from another site: %d", r.Method, path, a.Status)
			}
		}
		for role, b := range lower {
			if role.Includes(r.Role) {
				continue
			}
			if a := b.Do(r.Method, path, nil); a.Status != http.StatusForbidden {
				s.Errorf("%s %s with the role %s: %d", r.Method, path, role, a.Status)
			}
		}
		if r.Method != http.MethodGet && r.Path != "/password" && !r.Role.Includes(account.Editor) {
			s.Errorf("%s %s changes something, and needs only the role %s", r.Method, r.Path, r.Role)
		}
	}
}

// filled returns a path that matches the pattern.
func filled(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "1"
		}
	}
	return strings.Join(parts, "/")
}

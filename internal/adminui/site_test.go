package adminui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// route is a request to a page, with the role that it needs.
type route struct {
	method, path string
	needs        account.Role
}

// routes are all pages and actions of signed-in users. None of them changes what the others need.
var routes = []route{
	{"GET", "", account.Viewer}, {"GET", "/journey", account.Viewer}, {"GET", "/password", account.Viewer}, {"POST", "/password", account.Viewer},
	{"GET", "/history/product/1", account.Viewer}, {"GET", "/journey/event?event=shop.order.v1/a/1", account.Viewer},
	{"GET", "/users", account.Admin}, {"POST", "/users", account.Admin}, {"GET", "/users/edith", account.Admin},
	{"POST", "/users/edith/role", account.Admin}, {"POST", "/users/nobody/reset-password", account.Admin},
	{"POST", "/users/nobody/disable", account.Admin}, {"POST", "/users/nobody/enable", account.Admin}, {"GET", "/other", account.Viewer},
	{"GET", "/things", account.Viewer}, {"GET", "/things.csv", account.Viewer}, {"GET", "/things/1", account.Viewer}, {"GET", "/things/new", account.Editor},
	{"POST", "/things/new", account.Editor}, {"GET", "/things/new/find/kind", account.Editor}, {"POST", "/things/1", account.Editor},
	{"GET", "/things/1/delete", account.Editor}, {"POST", "/things/2/delete", account.Editor}, {"POST", "/things/do", account.Editor},
}

// Nobody sees a page without a session: neither before the sign-in, nor after the sign-out, nor with an invented cookie.
func TestEveryPageNeedsASession(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	out := s.signedIn("admin")
	stolen := out.client.Jar.Cookies(mustURL(t, s.url+s.base))
	if a := out.post("/sign-out"); a.status != http.StatusSeeOther || a.to() != "/shop/admin/sign-in" {
		t.Errorf("sign-out: %d to %s", a.status, a.to())
	}
	replayed, invented := s.browser(), s.browser()
	replayed.header.Set("Cookie", stolen[0].String())
	invented.header.Set("Cookie", "shop_session=invented")
	for name, b := range map[string]*browser{"new": s.browser(), "signed out": out, "old cookie": replayed, "invented cookie": invented} {
		for _, r := range routes {
			if a := b.do(r.method, s.base+r.path, ""); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/shop/admin/sign-in") {
				t.Errorf("%s: %s %s is %d to %q", name, r.method, r.path, a.status, a.to())
			}
		}
	}
}

// The server checks the role for every page and action.
func TestEveryPageChecksTheRole(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	for name, role := range map[string]account.Role{"vic": account.Viewer, "edith": account.Editor, "admin": account.Admin} {
		b := s.signedIn(name)
		for _, r := range routes {
			a := b.do(r.method, s.base+r.path, "")
			if refused := a.status == http.StatusForbidden; refused == role.Includes(r.needs) || a.status >= 500 || a.status == http.StatusSeeOther {
				t.Errorf("%s: %s %s is %d", name, r.method, r.path, a.status)
			}
		}
	}
	list, err := s.users.List(t.Context())
	if err != nil || len(list) != 3 {
		t.Errorf("the requests changed the users: %+v, %v", list, err)
	}
}

// A page of another site can neither change anything nor sign a person in.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("admin")
	for name, header := range map[string]http.Header{
		"another origin":       {"Origin": {"https://evil.example"}},
		"no origin":            {"Origin": {"null"}},
		"another site":         {"Sec-Fetch-Site": {"cross-site"}},
		"another subdomain":    {"Sec-Fetch-Site": {"same-site"}},
		"origin of other port": {"Origin": {"http://127.0.0.1:1"}},
	} {
		b.header = header
		for _, path := range []string{"/sign-in", "/sign-out", "/password", "/users", "/users/vic/disable", "/users/vic/role", "/things/new", "/things/1", "/things/1/delete", "/things/do"} {
			if a := b.post(path, "name", "admin", "password", "pass", "role", "admin"); a.status != http.StatusForbidden || !strings.Contains(a.body, "another site") {
				t.Errorf("%s: %s is %d", name, path, a.status)
			}
		}
	}
	b.header = http.Header{"Origin": {s.url}}
	if a := b.post("/users/vic/disable"); a.status != http.StatusSeeOther {
		t.Errorf("the own origin: %d", a.status)
	}
}

// The policy forbids inline code, and no page needs it.
func TestPagesHaveNoInlineCode(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("admin")
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|style="|\son[a-z]+="|javascript:`)
	for _, path := range []string{"", "/journey", "/journey/event?event=shop.order.v1/a/1", "/password", "/users", "/users/admin", "/other", "/things", "/things/1", "/things/new", "/things/1/delete"} {
		a := b.get(path)
		if found := inline.FindString(a.body); found != "" || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") ||
			!strings.Contains(a.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s has %q, and the header %v", path, found, a.header)
		}
		for _, asset := range regexp.MustCompile(`(?:href|src)="(/admin/assets/[^"]+)"`).FindAllStringSubmatch(a.body, -1) {
			if file := s.browser().do(http.MethodGet, asset[1], ""); file.status != http.StatusOK ||
				!strings.Contains(file.header.Get("Cache-Control"), "immutable") || file.body == "" {
				t.Errorf("%s is %d %v", asset[1], file.status, file.header)
			}
		}
	}
}

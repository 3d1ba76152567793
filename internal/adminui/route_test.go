package adminui_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/admintest"
)

// open are the routes that need no role, because nobody is signed in yet, or not any more.
var open = []string{"GET /sign-in", "POST /sign-in", "POST /sign-out"}

// A new route fails this test until it is in one of the lists, so that all tests of roles, sessions and origins try it.
func TestEveryRouteIsTested(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	var tried []admintest.Request
	for _, r := range routes {
		if r.path != "/other" { // it matches no route
			tried = append(tried, admintest.Request{Method: r.method, Path: r.path, Needs: r.needs})
		}
	}
	admintest.CheckTried(t, s.routes, tried)
	for _, r := range s.routes {
		if r.Role == "" && !slices.Contains(open, r.Method+" "+r.Path) {
			t.Errorf("everybody may use %s %s", r.Method, r.Path)
		}
	}
}

// A page says which methods it has. No session is needed for that.
func TestMethodsOfAPage(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	stranger, admin := s.browser(), s.signedIn("admin")
	for path, allow := range map[string]string{
		"": "GET, HEAD, OPTIONS", "/sign-in": "GET, HEAD, OPTIONS, POST", "/sign-out": "OPTIONS, POST", "/users/edith/role": "OPTIONS, POST",
		"/%75sers/edith": "GET, HEAD, OPTIONS", "/things/1": "GET, HEAD, OPTIONS, POST", "/things/new": "GET, HEAD, OPTIONS, POST", "/things.csv": "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{"OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PURGE", "POST"} {
			if method == "POST" && strings.Contains(allow, method) {
				continue
			}
			want := http.StatusMethodNotAllowed
			if method == "OPTIONS" {
				want = http.StatusNoContent
			}
			for _, b := range []*browser{stranger, admin} {
				if a := b.do(method, s.base+path, ""); a.status != want || a.header.Get("Allow") != allow {
					t.Errorf("%s %s is %d with Allow %q, want %d with %q", method, path, a.status, a.header.Get("Allow"), want, allow)
				}
			}
		}
	}
	icon := regexp.MustCompile(`href="(/shop/admin/assets/icon[^"]*)"`).FindStringSubmatch(admin.get("").body)
	if a := stranger.do("OPTIONS", icon[1], ""); a.status != http.StatusNoContent || a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("a file: %d %v", a.status, a.header)
	}
	if a := admin.do("PUT", s.base+"/nothing", ""); a.status != http.StatusNotFound || a.header.Get("Allow") != "" {
		t.Errorf("no such page: %d %v", a.status, a.header)
	}
	if a := admin.do("HEAD", s.base+"/users", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

// A form that cannot be read is a fault of the client, for every action. A fault in the query is none of the form.
func TestFormsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("admin")
	paths := []string{"/sign-in"}
	for _, r := range routes {
		if r.method == http.MethodPost {
			paths = append(paths, r.path)
		}
	}
	for _, path := range paths {
		for body, want := range map[string]int{"name=%zz": 400, "name=a;b": 400, strings.Repeat("a=1&", 12_000): 400, "name=" + strings.Repeat("a", 1<<17): 413} {
			a := b.do(http.MethodPost, s.base+path, body)
			if a.status != want || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, "Nothing was changed.") {
				t.Errorf("%s with %.10s: %d %s", path, body, a.status, a.body)
			}
		}
	}
	for _, query := range []string{"?utm=100%", "?utm=a;b", "?%zz"} {
		if a := b.do(http.MethodPost, s.base+"/things/new"+query, "name="); a.status != http.StatusUnprocessableEntity {
			t.Errorf("the query %s: %d %s", query, a.status, a.body)
		}
		if a := b.do(http.MethodGet, s.base+"/things"+query, ""); a.status != http.StatusOK {
			t.Errorf("a list with the query %s: %d %s", query, a.status, a.body)
		}
	}
}

// A person may try again later, and sees the form with what was typed. A fault for which an operator is needed is logged as one.
func TestSavesThatHaveToWait(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	for name, logged := range map[string]string{"locked": `WARN msg="an admin page could not be served"`, "full": `ERROR msg="an admin page has failed"`} {
		for path, form := range map[string][]string{
			"/things/new": {"name", name}, "/things/1": {"name", name, "version", "3"},
		} {
			a := b.post(path, form...)
			seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
			if a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 || !strings.Contains(a.body, `value="`+name+`"`) || !strings.Contains(a.body, faults[name].Detail) {
				t.Errorf("%s of %s: %d %v %s", path, name, a.status, a.header, a.body)
			}
		}
		if n := strings.Count(s.log.String(), "level="+logged+` error="`+faults[name].Detail); n != 2 {
			t.Errorf("%s is logged %d times as %s: %s", name, n, logged, s.log)
		}
	}
}

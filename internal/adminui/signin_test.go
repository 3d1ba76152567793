package adminui_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The sign-in leads back to the page that was asked for.
func TestSignInLeadsBack(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b := s.browser()
	asked := b.get("/users?page=2")
	if want := "/shop/admin/sign-in?next=" + url.QueryEscape("/shop/admin/users?page=2"); asked.to() != want {
		t.Fatalf("leads to %s, want %s", asked.to(), want)
	}
	form := b.do(http.MethodGet, asked.to(), "")
	if form.status != http.StatusOK || !strings.Contains(form.body, `name="next" value="/shop/admin/users?page=2"`) {
		t.Errorf("%d %s", form.status, form.body)
	}
	if a := b.post("/sign-in", "name", "admin", "password", "pass", "next", "/shop/admin/users?page=2"); a.status != http.StatusSeeOther || a.to() != "/shop/admin/users?page=2" {
		t.Errorf("%d to %s", a.status, a.to())
	}
	if a := b.get("/sign-in"); a.status != http.StatusSeeOther || a.to() != "/shop/admin" {
		t.Errorf("the form, for a signed-in user: %d to %s", a.status, a.to())
	}
}

// A session that cannot be saved gives one page, and not the page for the error before the page that was asked for. An answer
// that leads elsewhere does not lead there.
func TestASessionThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	if _, err := s.pool.Exec(t.Context(), `ALTER TABLE admin_session ADD CONSTRAINT refused CHECK (false) NOT VALID`); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]answer{
		"a page": b.get("/password"), "a page that is missing": b.get("/nothing"), "a sign-in": s.browser().signIn("edith", s.passwords["edith"]),
	} {
		if a.status != http.StatusInternalServerError || a.to() != "" || strings.Count(a.body, "</html>") != 1 || !strings.Contains(a.body, "Something went wrong") {
			t.Errorf("%s: answered %d, leads to %q, %s", name, a.status, a.to(), a.body)
		}
	}
}

// The log of a request names the user of the session, also if the user lacks the role.
func TestTheLogNamesTheUser(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("vic")
	for _, path := range []string{"/admin/password", "/admin/users"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		for _, c := range b.client.Jar.Cookies(mustURL(t, s.url+s.base)) {
			req.AddCookie(c)
		}
		s.handler.ServeHTTP(httptest.NewRecorder(), req) // it returns when the request is logged
		if line := regexp.MustCompile(`msg=request method=GET path=` + path + ` .*`).FindString(s.log.String()); !strings.Contains(line, `caller="session vic"`) {
			t.Errorf("%s is logged as %q", path, line)
		}
	}
}

// The sign-in leads to no other host, and to no other part of this one.
func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.browser()
	for _, next := range []string{
		"https://evil.example/admin", "//evil.example/admin", "///evil.example", "/\\evil.example", "\\\\evil.example", "/admin\\evil", "javascript:alert(1)",
		"/admin/../../evil", "/administrator", "/api/v1/product", "http:/admin", "//admin", "/admin//evil.example", "\t//evil.example", "/admin\n//evil.example", "admin", "%2f%2fevil.example",
	} {
		if a := b.post("/sign-in", "name", "admin", "password", "pass", "next", next); a.status != http.StatusSeeOther || a.to() != "/admin" {
			t.Errorf("%q leads to %d %q", next, a.status, a.to())
		}
		if a := b.get("/sign-in?next=" + url.QueryEscape(next)); a.to() != "/admin" {
			t.Errorf("%q leads a signed-in user to %q", next, a.to())
		}
	}
}

// Session fixation: what somebody else has put into the browser is not the session after the sign-in.
func TestSignInMakesANewSession(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	planted := s.signedIn("vic").client.Jar.Cookies(mustURL(t, s.url+s.base))[0]
	for name, value := range map[string]string{"a session of the attacker": planted.Value, "an invented one": "planted"} {
		victim := s.browser()
		victim.client.Jar.SetCookies(mustURL(t, s.url+s.base), []*http.Cookie{{Name: planted.Name, Value: value, Path: "/admin"}})
		if a := victim.signIn("admin", "pass"); a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d", name, a.status)
		}
		if a := victim.get("/users"); a.status != http.StatusOK {
			t.Errorf("%s: the user is not signed in: %d", name, a.status)
		}
		attacker := s.browser()
		attacker.header.Set("Cookie", planted.Name+"="+value)
		if a := attacker.get("/users"); a.status == http.StatusOK {
			t.Errorf("%s: the attacker has the session", name)
		}
	}
}

// The cookie is not for scripts, not for forms of other sites, and not for connections without TLS if it was set over TLS.
func TestCookie(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	for proto, secure := range map[string]bool{"http": false, "https": true} {
		b := s.browser()
		b.header.Set("X-Forwarded-Proto", proto)
		cookie := b.signIn("admin", "pass").header.Get("Set-Cookie")
		for _, part := range []string{"shop_session=", "Path=/shop/admin", "HttpOnly", "SameSite=Lax"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("%s: %s is missing in %s", proto, part, cookie)
			}
		}
		if strings.Contains(cookie, "Secure") != secure {
			t.Errorf("%s: %s", proto, cookie)
		}
	}
	var stored int
	cookie := s.signedIn("admin").client.Jar.Cookies(mustURL(t, s.url+s.base))[0]
	if err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM admin_session WHERE token = $1", cookie.Value).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("the database has the value of the cookie: %d, %v", stored, err)
	}
}

// A wrong name and a wrong password have the same answer. After many guesses, the right password does not help.
func TestSignInIsThrottled(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.browser()
	unknown, wrong := b.signIn("<b>eve", "guess"), b.signIn("admin", "guess")
	if unknown.status != http.StatusUnprocessableEntity || strings.ReplaceAll(unknown.body, "&lt;b&gt;eve", "admin") != wrong.body {
		t.Errorf("%d %s\n%d %s", unknown.status, unknown.body, wrong.status, wrong.body)
	}
	last := wrong
	for i := 0; i < 40 && last.status == http.StatusUnprocessableEntity; i++ {
		last = b.signIn("admin", "guess")
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" || !strings.Contains(last.body, "too many attempts") {
		t.Fatalf("%d %v", last.status, last.header)
	}
	if a := b.signIn("admin", "pass"); a.status != http.StatusTooManyRequests {
		t.Errorf("the right password: %d", a.status)
	}
}

// A session ends some time after the last request, and at the latest some time after the sign-in. A page that stays open is not a
// request.
func TestHowLongASessionLasts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lifetime, idle time.Duration
		renewed        bool // by a request
	}{
		"without a request": {time.Hour, 10 * time.Minute, true},
		"at the latest":     {10 * time.Minute, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, "", func(c *adminui.Config) { c.Lifetime, c.Idle = tt.lifetime, tt.idle })
			expiry := func() (at time.Time) {
				t.Helper()
				if err := s.pool.QueryRow(t.Context(), `SELECT expiry FROM admin_session`).Scan(&at); err != nil {
					t.Fatal(err)
				}
				return at
			}
			b := s.signedIn("vic")
			first := expiry()
			if left := time.Until(first); left > 10*time.Minute || left < 5*time.Minute {
				t.Errorf("the session lasts %s", left)
			}
			stream := b.watchEvent("")
			stream.until(":") // a sign of life, before which the stream looks at the session
			if at := expiry(); !at.Equal(first) {
				t.Errorf("an open page moves the end from %s to %s", first, at)
			}
			b.get("")
			if at := expiry(); at.After(first) != tt.renewed {
				t.Errorf("a request moves the end from %s to %s", first, at)
			}
		})
	}
}

// A session ends at once when it expires, when the user is disabled, and when the password is set. A role works at once.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	for name, end := range map[string]func() error{
		"expired": func() error {
			_, err := s.pool.Exec(t.Context(), "UPDATE admin_session SET expiry = now() - interval '1 second'")
			return err
		},
		"disabled":       func() error { _, err := s.users.Disable(t.Context(), ada, "vic"); return err },
		"password reset": func() error { _, _, err := s.users.ResetPassword(t.Context(), ada, "edith"); return err },
	} {
		user := map[string]string{"disabled": "vic", "password reset": "edith"}[name]
		if user == "" {
			user = "admin"
		}
		b := s.signedIn(user)
		if a := b.get(""); a.status != http.StatusOK {
			t.Fatalf("%s: %d", name, a.status)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if a := b.get(""); a.status != http.StatusSeeOther || a.to() != "/admin/sign-in" {
			t.Errorf("%s: %d to %q", name, a.status, a.to())
		}
	}
	b, _ := s.newUser("bob", account.Admin)
	if err := admintest.KeepPasswords(t.Context(), s.pool); err != nil {
		t.Fatal(err)
	}
	before := b.get("/users").status
	if _, err := s.users.SetRole(t.Context(), ada, "bob", account.Viewer); err != nil {
		t.Fatal(err)
	}
	if after := b.get("/users").status; before != http.StatusOK || after != http.StatusForbidden {
		t.Errorf("another role: %d, then %d", before, after)
	}
}

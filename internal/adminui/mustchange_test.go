package adminui_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// newUser returns a browser in which a new user has signed in with the random password, and that password.
func (s *service) newUser(name string, role account.Role) (*browser, string) {
	s.Helper()
	_, password, err := s.users.Create(s.Context(), ada, name, role)
	if err != nil {
		s.Fatal(err)
	}
	b := s.browser()
	if a := b.signIn(name, password); a.status != http.StatusSeeOther {
		s.Fatalf("%s cannot sign in: %d", name, a.status)
	}
	return b, password
}

// A user with a password that the service has made up gets no page and no action, but the page for another password.
func TestEveryPageNeedsAnOwnPassword(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b, password := s.newUser("bob", account.Admin)
	for _, r := range routes {
		if r.path == "/password" {
			continue
		}
		a := b.do(r.method, s.base+r.path, "")
		to := s.base + "/password"
		if r.method == http.MethodGet && r.path != "" {
			to += "?next=" + url.QueryEscape(s.base+r.path)
		}
		if a.status != http.StatusSeeOther || a.to() != to {
			t.Errorf("%s %s is %d to %q", r.method, r.path, a.status, a.to())
		}
	}
	if a := b.get("/journey/stream"); a.status != http.StatusForbidden {
		t.Errorf("the stream is %d: %s", a.status, a.body)
	}
	page := b.get("/password?next=" + url.QueryEscape(s.base+"/things?q=x"))
	if page.status != http.StatusOK || !strings.Contains(page.body, "Choose your password") || strings.Contains(page.body, "<nav") {
		t.Errorf("%d %s", page.status, page.body)
	}
	if a := b.post("/password", "was", password, "password", password, "again", password); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "the same password as before") {
		t.Errorf("the same password: %d %s", a.status, a.body)
	}
	for next, want := range map[string]string{"https://evil.example/": "/shop/admin", "/shop/admin/things?q=x": "/shop/admin/things?q=x"} {
		const own = "correct horse battery"
		if a := b.post("/password", "was", password, "password", own, "again", own, "next", next); a.status != http.StatusSeeOther || a.to() != want {
			t.Errorf("%s: %d to %q", next, a.status, a.to())
		}
		if a := b.get("/things"); a.status != http.StatusOK || !strings.Contains(a.body, "Your password is changed.") {
			t.Errorf("after the change: %d %s", a.status, a.body)
		}
		var err error
		if _, password, err = s.users.ResetPassword(t.Context(), ada, "bob"); err != nil {
			t.Fatal(err)
		}
		if a := b.get("/things"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/shop/admin/sign-in") {
			t.Errorf("the session after a reset: %d to %q", a.status, a.to())
		}
		if a := b.signIn("bob", password); a.status != http.StatusSeeOther {
			t.Fatalf("sign-in after a reset: %d", a.status)
		}
		if a := b.get(""); a.to() != "/shop/admin/password" {
			t.Errorf("after a reset: %d to %q", a.status, a.to())
		}
	}
}

var kept = regexp.MustCompile(`name="kept" value="([^"]*)"`)

// An admin resets the password of a person who edits a form. What the person typed is still there after the sign-in and the change.
func TestAFormIsKeptUntilThePasswordIsChanged(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b, _ := s.newUser("bob", account.Editor)
	form := []string{"name", "Typed before", "kind", "a", "do", "save"}
	keptOf := func(a answer) string {
		found := kept.FindStringSubmatch(a.body)
		if found == nil {
			t.Fatalf("the form is lost: %d %s", a.status, a.body)
		}
		return html.UnescapeString(found[1])
	}
	direct := b.post("/things/new", form...)
	if direct.status != http.StatusForbidden || !strings.Contains(direct.body, "Choose your password") || !strings.Contains(keptOf(direct), "Typed+before") {
		t.Errorf("a form with the random password: %d %s", direct.status, direct.body)
	}
	_, password, err := s.users.ResetPassword(t.Context(), ada, "bob")
	if err != nil {
		t.Fatal(err)
	}
	asked := keptOf(b.post("/things/new", form...))
	signedIn := b.post("/sign-in", "name", "bob", "password", password, "next", "/admin/things/new", "kept", asked)
	if signedIn.status != http.StatusOK || !strings.Contains(signedIn.body, "Choose your password") {
		t.Errorf("after the sign-in: %d %s", signedIn.status, signedIn.body)
	}
	const own = "correct horse battery"
	changed := b.post("/password", "was", password, "password", own, "again", own, "next", "/admin/things/new", "kept", keptOf(signedIn))
	if changed.status != http.StatusOK || !strings.Contains(changed.body, `action="/admin/things/new"`) || !strings.Contains(changed.body, `name="name" value="Typed before"`) {
		t.Errorf("after the change: %d %s", changed.status, changed.body)
	}
}

// The demo keeps its password. The random password of the first user must be changed.
func TestPasswordOfTheFirstUser(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	if a := s.signedIn("admin").get(""); a.status != http.StatusOK {
		t.Errorf("the demo: %d to %q", a.status, a.to())
	}
	if _, err := s.pool.Exec(t.Context(), `DELETE FROM admin_user`); err != nil {
		t.Fatal(err)
	}
	random, err := s.users.CreateFirst(t.Context(), account.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	if a := b.signIn("admin", random); a.status != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", a.status)
	}
	if a := b.get("/users"); a.to() != "/admin/password?next=%2Fadmin%2Fusers" {
		t.Errorf("the random password: %d to %q", a.status, a.to())
	}
}

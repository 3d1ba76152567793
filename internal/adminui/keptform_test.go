package adminui_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// hidden returns the hidden fields of a page.
func (a answer) hidden() url.Values {
	values := url.Values{}
	for _, found := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		values.Add(html.UnescapeString(found[1]), html.UnescapeString(found[2]))
	}
	return values
}

// A session ends while a person fills in a form. After the sign-in, even with a wrong password first, the form can be sent.
func TestFormOutlivesTheSession(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b := s.signedIn("edith")
	if _, err := s.pool.Exec(t.Context(), `DELETE FROM admin_session`); err != nil {
		t.Fatal(err)
	}
	typed := url.Values{"name": {"A & B " + hostile}, "kind": {"a", "<b>"}, "do": {"continue"}}
	asked := b.do(http.MethodPost, s.base+"/things/new", typed.Encode())
	if asked.status != http.StatusForbidden || !strings.Contains(asked.body, "Your session has ended") || !strings.Contains(asked.body, `name="next" value="/shop/admin/things/new"`) {
		t.Fatalf("%d %s", asked.status, asked.body)
	}
	signIn := asked.hidden()
	signIn.Set("name", "edith")
	signIn.Set("password", "wrong")
	again := b.do(http.MethodPost, s.base+"/sign-in", signIn.Encode())
	if again.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d %s", again.status, again.body)
	}
	signIn = again.hidden()
	signIn.Set("name", "edith")
	signIn.Set("password", s.passwords["edith"])
	kept := b.do(http.MethodPost, s.base+"/sign-in", signIn.Encode())
	if got := kept.hidden(); kept.status != http.StatusOK || got.Encode() != typed.Encode() || !strings.Contains(kept.body, `action="/shop/admin/things/new"`) {
		t.Fatalf("%d, kept %q, want %q\n%s", kept.status, got, typed, kept.body)
	}
	if sent := b.do(http.MethodPost, s.base+"/things/new", kept.hidden().Encode()); sent.status != http.StatusSeeOther || sent.to() != "/shop/admin/things/1" {
		t.Errorf("%d to %s", sent.status, sent.to())
	}
}

// Passwords are not kept, and a kept text is never part of the page.
func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.browser()
	if a := b.post("/password", "was", "old secret", "password", "new secret", "again", "new secret"); a.status != http.StatusSeeOther || strings.Contains(a.body, "secret") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, kept := range []string{"%zz", "name=" + url.QueryEscape(hostile)} {
		a := s.browser().post("/sign-in", "name", "edith", "password", s.passwords["edith"], "kept", kept, "next", "https://example.com/")
		if strings.Contains(a.body, "<b onclick") || strings.Contains(a.body, "example.com") || a.to() != "" {
			t.Errorf("%q: %d to %q %s", kept, a.status, a.to(), a.body)
		}
	}
}

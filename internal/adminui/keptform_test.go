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
	for _, want := range []string{"<h2>New thing</h2>", "<dt>Name</dt><dd>A &amp; B &lt;b onclick", "<dt>Kind</dt><dd>&lt;b onclick"} {
		if !strings.Contains(kept.body, want) {
			t.Errorf("the page does not show %s: %s", want, kept.body)
		}
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

// The page shows what was typed into each kind of form, and not what the page itself has put there.
func TestWhatIsShownOfAKeptForm(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	for name, tt := range map[string]struct {
		next, kept string
		want       []string
		not        string
	}{
		"a thing":         {"/things/1?list=q%3Dx", "name=lamp&version=3&was.name=chair&list=q%3Dx", []string{"<h2>" + html.EscapeString(hostile) + "</h2>", "<dt>Name</dt><dd>lamp</dd>", "<dt>Kind</dt><dd>–</dd>", `action="/shop/admin/things/1?list=q%3Dx"`}, "chair</dd>"},
		"a deleted thing": {"/things/2", "name=lamp", []string{"<h2>A thing that does not exist any more</h2>", "<dt>Name</dt><dd>lamp</dd>"}, "Delete"},
		"a deletion":      {"/things/1/delete", "version=3&list=", []string{"it was not sent. Send it now?", "<h2>Delete: " + html.EscapeString(hostile) + "</h2>"}, "<dt>"},
		"an action":       {"/things/do", "action=burn&pick=1%403&kind=a", []string{"<h2>Burn things</h2>", "<dt>Kind</dt><dd>a</dd>"}, "burn</dd>"},
		"another form":    {"/messages/x", "reason=" + url.QueryEscape(hostile) + "&topic=", []string{"<dt>Reason</dt><dd>&lt;b onclick"}, "<dt>Topic"},
		"no form":         {"/", "", nil, "<dt>"},
	} {
		a := s.browser().post("/sign-in", "name", "edith", "password", s.passwords["edith"], "kept", tt.kept, "next", "/shop/admin"+tt.next)
		for _, want := range tt.want {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s: the page does not show %s: %s", name, want, a.body)
			}
		}
		if strings.Contains(a.body, tt.not) {
			t.Errorf("%s: the page shows %s: %s", name, tt.not, a.body)
		}
	}
}

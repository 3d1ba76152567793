package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// ranks are the roles, each with its rank: a user may do what a lower rank may do.
var ranks = map[string]int{"viewer": 0, "editor": 1, "admin": 2}

// control is a part of a page that only some users see, and the form that it leads to. A user of another role gets neither.
type control struct{ page, part, role, post string }

// controls are the controls of each service.
var controls = map[string][]control{
	"monolith": {
		{"/products", "table", "viewer", ""}, {"/products", "#new", "editor", "/products/new"}, {"/products", "button[value=delete]", "editor", "/products/do"},
		{"/products/1", ".way", "viewer", ""}, {"/products/1", "#name", "editor", "/products/1"},
		{"/products/1", `aside a.danger`, "editor", "/products/1/delete"}, {"/entries", "#new", "editor", "/entries/new"},
		{"/messages/relay", "table", "viewer", ""}, {"/messages/relay", `a[href$="/relay/pause"]`, "admin", "/messages/relay/pause"},
		{"/messages/audit", "h1", "viewer", ""}, {"", `nav a[href$="/users"]`, "admin", "/users"},
	},
	"catalog": {
		{"/markets", "#new", "editor", "/markets/new"}, {"/markets/NL", "#name", "editor", "/markets/NL"}, {"/entries", "button[value=delete]", "editor", "/entries/do"},
		{"/messages/consumer", `a[href*="/consumer/pause"]`, "admin", "/messages/consumer/pause"}, {"", `nav a[href$="/users"]`, "admin", "/users"},
	},
}

// roles lets a user of each role look for what only some roles may do, and try it without the page that leads to it.
func roles(t *testing.T, at services) {
	for service, base := range at.admin() {
		admin := signedIn(t, base, 1280)
		for role, rank := range ranks {
			b := admin
			if role != "admin" {
				b = firstSignIn(t, base, "the-"+role, admin.newUser(base, "the-"+role, role))
			}
			page := "?"
			for _, c := range controls[service] {
				if c.page != page {
					page = c.page
					b.open(base+page, "h1")
				}
				may := rank >= ranks[c.role]
				if sees := ask(b, chromedp.Evaluate[bool](fmt.Sprintf(`!!document.querySelector(%q)`, c.part))); sees != may {
					t.Errorf("%s: the %s sees %s on %s: %t", service, role, c.part, c.page, sees)
				}
				if c.post == "" {
					continue
				}
				if status := b.status("POST", base+c.post); (status != http.StatusForbidden) != may {
					t.Errorf("%s: the %s posts to %s: %d", service, role, c.post, status)
				}
				b.heard() // the browser says that the form has faults, or that it is forbidden
			}
			if role == "viewer" {
				b.do(chromedp.Navigate(base+"/users"), chromedp.WaitVisible(".lead"))
				b.heard() // the status is 403
				b.shows("This page needs another role", "Your role is viewer", "Ask an admin")
				b.twice("admin-" + service + "-forbidden")
			}
		}
	}
}

// newUser creates a user, and returns the password.
func (b *tab) newUser(base, name, role string) string {
	b.Helper()
	b.open(base+"/users", "#role")
	b.do(chromedp.SendKeys("#name", name), chromedp.SetValue("#role", role), chromedp.Click("form.panel button.main"), chromedp.WaitVisible(".secret code"))
	return ask(b, chromedp.TextContent(".secret code"))
}

// firstSignIn returns a tab in which a new user has signed in, and has chosen a password. No page is reached before that.
func firstSignIn(t *testing.T, base, name, password string) *tab {
	t.Helper()
	const own = "correct horse battery"
	b := newTab(t)
	b.look("light", 1280)
	b.open(base+"/journey", "#password")
	b.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#password", password), chromedp.Click("button.main"), chromedp.WaitVisible("#again"))
	b.shows("Choose your password", "Choose one that only you know")
	if name == "the-viewer" {
		b.twice("admin-choose-password")
	}
	b.do(chromedp.SendKeys("#was", password), chromedp.SendKeys("#password", own), chromedp.SendKeys("#again", own),
		chromedp.Click("button.main"), chromedp.WaitVisible(".lanes, .empty"))
	b.shows("Journey of changes", "Your password is changed")
	return b
}

// status returns the status of a request of the page, with an empty form.
func (b *tab) status(method, url string) int {
	b.Helper()
	return ask(b, chromedp.Evaluate[int](fmt.Sprintf(`fetch(%q, {method: %q, body: new URLSearchParams()}).then(r => r.status)`, url, method), chromedp.EvalAwaitPromise))
}

// throttle guesses a password until the service makes the person wait. Other users can still sign in.
func throttle(t *testing.T, at services) {
	base := at.admin()["monolith"]
	b := newTab(t)
	b.look("light", 320)
	b.open(base, "#password")
	const guess = `(async () => {
		for (let n = 1; n <= 15; n++) {
			const answer = await fetch(location.href, {method: 'POST', body: new URLSearchParams({name: 'mallory', password: 'guess ' + n})})
			if (answer.status !== 422) return [n, answer.status, +answer.headers.get('Retry-After')]
		}
		return [15, 0, 0]
	})()`
	last := ask(b, chromedp.Evaluate[[]int](guess, chromedp.EvalAwaitPromise))
	if last[0] < 5 || last[1] != http.StatusTooManyRequests || last[2] < 1 {
		t.Fatalf("guess %d is answered with %d, Retry-After %d", last[0], last[1], last[2])
	}
	b.do(chromedp.SendKeys("#name", "mallory"), chromedp.SendKeys("#password", "one more guess"), chromedp.Click("button.main"), chromedp.WaitVisible("#fault"))
	b.heard() // the status is 429
	if fault := strings.ToLower(b.text()); !strings.Contains(fault, "too many attempts") || !strings.Contains(fault, "seconds") {
		t.Errorf("the page says %s", fault)
	}
	b.twice("admin-throttled")
	b.do(chromedp.Clear("#name"))
	b.signIn("admin", "pass")
	b.quiet("throttle")
}

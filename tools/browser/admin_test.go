package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// adminPages are the admin pages of a signed-in user, below the first one. A page is complete when ready is on it.
var adminPages = []struct{ path, name, ready string }{
	{"", "overview", ".cards"},
	{"/users", "users", "table"},
	{"/users/admin", "user", "button.danger"},
	{"/journey", "journey", ".lanes, .empty"},
	{"/password", "password", "#again"},
	{"/history/market/NL", "history", "h1"}, // the monolith has none
}

// adminWidths are the widths of the screens on which the admin pages are tested.
var adminWidths = []int64{320, 1280, 2560}

// admin signs in to the admin pages of each service, looks at all of them, creates a user, and signs out.
func admin(t *testing.T, at services) {
	for service, base := range map[string]string{"monolith": at["monolith"] + "/admin", "catalog": at["catalog"] + "/catalog/admin"} {
		b := newTab(t)
		b.everywhere(service+"-sign-in", func() { b.open(base, "#password") })
		b.do(chromedp.SendKeys("#name", "admin"), chromedp.SendKeys("#password", "guess"), chromedp.Click("button.main"), chromedp.WaitVisible("#fault"))
		b.heard() // the browser says that the status is 422
		b.keep("admin-" + service + "-sign-in-refused")
		b.accessible(service + " sign-in refused")
		b.do(chromedp.SendKeys("#password", "pass"), chromedp.Click("button.main"), chromedp.WaitVisible(".cards"))
		for _, p := range adminPages {
			b.everywhere(service+"-"+p.name, func() { b.open(base+p.path, p.ready) })
		}
		b.open(base+"/users", "table")
		b.do(chromedp.SendKeys("#name", "ann"), chromedp.Click("button.main"), chromedp.WaitVisible(".secret"))
		b.complete("admin-"+service+"-secret", adminWidths[len(adminWidths)-1])
		b.accessible(service + " secret")
		b.do(chromedp.Click(".leave button"), chromedp.WaitVisible("#password"))
		b.open(base+"/users", "#password") // signed out
		b.quiet(service + " admin")
	}
}

// everywhere opens a page in light and dark and on each screen, takes screenshots, and checks it.
func (b *tab) everywhere(name string, open func()) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range adminWidths {
			b.look(scheme, width)
			open()
			what := fmt.Sprintf("admin-%s-%s-%d", name, scheme, width)
			b.complete(what, width)
			b.accessible(what)
		}
	}
}

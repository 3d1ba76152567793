package browser

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// adminPage is an admin page, below the first one. It is complete when ready is on it.
type adminPage struct{ path, name, ready string }

// adminPages are the pages that each service has.
var adminPages = []adminPage{
	{"", "overview", ".cards"},
	{"/users", "users", "table"},
	{"/users/admin", "user", "button.danger"},
	{"/journey", "journey", ".lanes, .empty"},
	{"/journey/event?event=monsplit.product.v1/none/1", "event-not-kept", "h1"},
	{"/password", "password", "#again"},
	{"/messages/outbox", "outbox", "table"}, {"/messages/dead-letters", "dead-letters", ".empty"}, {"/messages/consumer", "consumer", "table"},
	{"/messages/relay", "relay", "table"}, {"/messages/relay/pause", "relay-pause", "#reason"}, {"/messages/repair/adopt", "adopt", "#reason"},
	{"/messages/repair/republish", "republish", "#reason"}, {"/messages/repair/compare", "compare", "#reason"}, {"/messages/audit", "audit", "table"},
}

// dataPages are the pages of a service's own data.
var dataPages = map[string][]adminPage{
	"monolith": {
		{"/products", "products", "table"}, {"/products?q=nothing-has-this-name", "products-none", ".empty"},
		{"/products/new", "product-new", "#name"}, {"/products/1", "product", "#name"}, {"/products/1/delete", "product-delete", "button.danger"},
		{"/history/product/4feaba01-03be-50d2-8cc3-b5a479cf6054?thing=1", "product-history", "table"},
		{"/entries", "entries", "table"}, {"/entries/new", "entry-new", ".choices label"}, {"/entries/1", "entry", "#availability_date"},
		{"/markets", "markets", "table"}, {"/markets/1", "market", ".facts"}, {"/change-requests", "change-requests", ".browse"},
	},
	"catalog": {
		{"/entries", "entries", "table"}, {"/entries/new", "entry-new", ".choices label"},
		{"/markets", "markets", "table"}, {"/markets/NL", "market", "#name"}, {"/markets/NL/delete", "market-delete", "button.danger"},
		{"/history/market/NL", "market-history", "table"},
		{"/products?state=discontinued", "products", "table"},
	},
}

// adminWidths are the widths of the screens on which the admin pages are tested.
var adminWidths = []int64{320, 1280, 2560}

// admin signs in to the admin pages of each service, looks at all of them, creates a user, and signs out.
func admin(t *testing.T, at services) {
	for service, base := range at.admin() {
		b := newTab(t)
		b.everywhere(service+"-sign-in", func() { b.open(base, "#password") })
		b.do(chromedp.SendKeys("#name", "admin"), chromedp.SendKeys("#password", "guess"), chromedp.Click("button.main"), chromedp.WaitVisible("#fault"))
		b.heard() // the browser says that the status is 422
		b.twice("admin-" + service + "-sign-in-refused")
		b.do(chromedp.SendKeys("#password", "pass"), chromedp.Click("button.main"), chromedp.WaitVisible(".cards"))
		for _, p := range slices.Concat(adminPages[:1], dataPages[service], adminPages[1:]) {
			b.everywhere(service+"-"+p.name, func() { b.open(base+p.path, p.ready) })
			b.linksWork(service + p.path)
		}
		b.open(base+"/users", "table")
		b.do(chromedp.SendKeys("#name", "ann"), chromedp.Click("button.main"), chromedp.WaitVisible(".secret"))
		b.twice("admin-" + service + "-secret")
		b.do(chromedp.Click(".leave button"), chromedp.WaitVisible("#password"))
		b.open(base+"/users", "#password") // signed out
		b.quiet(service + " admin")
	}
}

// everywhere opens a page. It takes a screenshot in light and dark and on each screen, and checks the page in each of the looks.
func (b *tab) everywhere(name string, open func()) {
	b.Helper()
	open()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range adminWidths {
			b.look(scheme, width)
			what := fmt.Sprintf("admin-%s-%s-%d", name, scheme, width)
			b.complete(what, width)
			if width == looks[scheme] {
				b.accessible(what)
			}
		}
	}
}

// linksWork fails if one of the first links of a page leads nowhere. A page can have a hundred.
func (b *tab) linksWork(what string) {
	b.Helper()
	const script = `Promise.all([...new Set([...document.links].map(a => a.href.split('#')[0]))].slice(0, 30).map(async url =>
		[url, (await fetch(url)).status])).then(all => all.filter(([, status]) => status !== 200))`
	if broken := ask(b, chromedp.Evaluate[[][2]any](script, chromedp.EvalAwaitPromise)); len(broken) > 0 {
		b.Errorf("%s leads to %v", what, broken)
	}
	b.quiet(what)
}

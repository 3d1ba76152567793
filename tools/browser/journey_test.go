package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// journeys creates a product in the monolith's admin pages, and sees it arrive in those of the catalog, without a reload. Each
// service shows the steps that it knows, with their times.
func journeys(t *testing.T, at services) {
	const millis = `\d\d:\d\d:\d\d\.\d{3}Z`
	monolith, catalog := signedIn(t, at["monolith"]+"/admin", 1280), signedIn(t, at["catalog"]+"/catalog/admin", 1280)
	catalog.open(at["catalog"]+"/catalog/admin/journey", ".lanes, .empty")
	catalog.do(chromedp.WaitVisible("[data-live]"))
	ask(catalog, chromedp.Evaluate[bool](`window.opened = true`))

	monolith.open(at["monolith"]+"/admin/products/new", "#name")
	monolith.do(chromedp.SendKeys("#name", "Walnut bench"), chromedp.SendKeys("#product_category", "Benches"),
		chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible(".way"))
	monolith.appears("p.way", `committed .*`+millis+`.* → sent \(partition \d+, offset \d+\) .*`+millis)
	key := ask(monolith, chromedp.Evaluate[string](`document.querySelector('aside code').textContent`))
	monolith.complete("journey-form", 1280)
	monolith.accessible("journey-form")

	catalog.appears(".ways", `product created, version 1 `+key+`.*received .*`+millis+`.*applied .*`+millis)
	if !ask(catalog, chromedp.Evaluate[bool](`window.opened === true`)) {
		t.Error("the page was loaded again")
	}
	catalog.complete("journey-catalog", 1280)
	catalog.accessible("journey-catalog")
	monolith.open(at["monolith"]+"/admin/journey", ".lanes")
	monolith.appears(".ways", `product created, version 1 `+key+`.*sent \(partition.*the other service knows`)
	catalog.open(at["catalog"]+"/catalog/admin/products/"+key, ".way")
	catalog.appears("p.way", `Version 1 .*received .*`+millis+`.* → applied .*`+millis)
	catalog.complete("journey-copy", 1280)
	catalog.quiet("journey-catalog")
	monolith.quiet("journey-monolith")
}

// appears waits until an element has a text.
func (b *tab) appears(element, pattern string) {
	b.Helper()
	what := fmt.Sprintf(`(() => { const e = document.querySelector(%q); return e && new RegExp(%q).test(e.textContent.replace(/\s+/g, ' ')) })()`, element, pattern)
	b.do(chromedp.Poll[chromedp.Void](what))
}

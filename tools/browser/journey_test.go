package browser

import (
	"context"
	"fmt"
	"strings"
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

// appears waits until an element has a text. The page may load itself again meanwhile.
func (b *tab) appears(element, pattern string) {
	b.Helper()
	what := fmt.Sprintf(`(() => { const e = document.querySelector(%q); return e && new RegExp(%q).test(e.textContent.replace(/\s+/g, ' ')) })()`, element, pattern)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](what))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Inspected target navigated") && !strings.Contains(err.Error(), "Cannot find context") {
			b.Fatalf("%s does not get the text %s: %v\n%s\n%s", element, pattern, err, b.heard(), b.text())
		}
	}
}

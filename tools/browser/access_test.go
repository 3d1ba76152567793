package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// accessible checks the page, with all parts unfolded, against the rules of axe-core and some rules of this package. It does not
// check the parts that Swagger UI renders.
func (b *tab) accessible(what string) {
	b.Helper()
	ask(b, chromedp.Evaluate[bool](`window.folded = [...document.querySelectorAll('details:not([open])')], folded.forEach(d => d.open = true), true`))
	defer ask(b, chromedp.Evaluate[bool](`folded.forEach(d => d.open = false), true`))
	if faults := b.faults(); faults != "" {
		b.Errorf("%s:\n%s", what, faults)
	}
	b.quiet(what)
}

// looks are the schemes and widths in which axe-core checks each page: both colors, a small screen and a large one. To check all
// combinations of them takes twice as long, and the colors are the same on each screen.
var looks = map[string]int64{"dark": 320, "light": 1280}

// twice checks a page that a test has reached, in each of the looks.
func (b *tab) twice(what string) {
	b.Helper()
	for scheme, width := range looks {
		b.look(scheme, width)
		b.complete(fmt.Sprintf("%s-%s-%d", what, scheme, width), width)
		b.accessible(what)
	}
}

// ownRules find faults that axe-core accepts: a heading before the first one, and a part of a table that loses its table because
// the table is displayed in another way.
const ownRules = `[
	...[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].slice(0, 1).filter(h => h.localName !== 'h1').map(h => 'first-heading: ' + h.outerHTML),
	...[...document.querySelectorAll('table, thead, tbody, tr, th, td')].filter(e =>
		!e.closest('.swagger-ui') && !e.role && !getComputedStyle(e).display.startsWith('table')).map(e => 'table-role: ' + e.cloneNode().outerHTML),
]`

// faults returns the faults of the page, one per line. axe-core leaves out the rule of WCAG 2.2 about the size of targets by default.
func (b *tab) faults() string {
	b.Helper()
	if !ask(b, chromedp.Evaluate[bool](`!!window.axe`)) {
		axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
		if err != nil {
			b.Fatalf("%v: run it by make test-browser, or npm ci before", err)
		}
		ask(b, chromedp.Evaluate[bool](string(axe)+`; true`))
	}
	const script = `axe.run({exclude: ['.swagger-ui']}, {preload: false, rules: {'target-size': {enabled: true}}}).then(found => [...found.violations, ...found.incomplete]
		.flatMap(rule => rule.nodes.map(node => rule.id + ': ' + node.failureSummary.replace(/\s+/g, ' ') + ' ' + node.html)))`
	faults := append(ask(b, chromedp.Evaluate[[]string](script, chromedp.EvalAwaitPromise)), ask(b, chromedp.Evaluate[[]string](ownRules))...)
	return strings.Join(faults, "\n")
}

// The check must find these faults.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"color-contrast":              `<p style="color: #999; background: #fff">pale</p>`,
		"aria-prohibited-attr":        `<pre aria-label="A name">text</pre>`,
		"scrollable-region-focusable": `<pre style="width: 50px; overflow: auto">text that is too long to be seen</pre>`,
		"target-size":                 `<button style="all: unset; width: 12px; height: 12px">a</button><button style="all: unset; width: 12px; height: 12px">b</button>`,
		"first-heading":               `<h2>Before the first</h2><h1>The first</h1>`,
		"table-role":                  `<table><tr style="display: block"><td>cell</td></tr></table>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>Faults</title><main>` + tests[strings.TrimPrefix(r.URL.Path, "/")] + `</main>`)) // to a test
	}))
	t.Cleanup(server.Close)
	b := newTab(t)
	for rule := range tests {
		b.do(chromedp.Navigate(server.URL+"/"+rule), chromedp.WaitReady("main"))
		if faults := b.faults(); !strings.Contains(faults, rule+": ") {
			t.Errorf("%s is not found, but %q", rule, faults)
		}
	}
}

package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// listed is a list with a text to search for. It has the search, the filters with counts, and more than one page, only if the test
// must find them.
type listed struct {
	path, search   string
	filters, pages bool
}

var listsOf = map[string][]listed{
	"monolith": {{"/products", "lamp", true, true}, {"/entries", "", false, true}, {"/markets", "land", false, true}},
	"catalog":  {{"/products", "lamp", true, true}, {"/entries", "", true, true}, {"/markets", "land", false, true}},
}

// eachList sorts, searches, filters and exports each list, and goes to its next page and back.
func eachList(t *testing.T, at services) {
	for service, base := range at.admin() {
		b := signedIn(t, base, 1280)
		for _, l := range listsOf[service] {
			what := service + l.path
			b.open(base+l.path, "tbody a")
			b.sorts(what)
			if l.pages {
				first := b.firstRow()
				b.do(chromedp.Click("a[rel=next]"), chromedp.WaitVisible("a[rel=prev]"))
				if b.firstRow() == first {
					t.Errorf("%s: the next page is the same", what)
				}
				b.do(chromedp.Click("a[rel=prev]"), chromedp.WaitNotPresent("a[rel=prev]"))
				if again := b.firstRow(); again != first {
					t.Errorf("%s: the first page begins with %q, and then with %q", what, first, again)
				}
			}
			if l.filters {
				b.filters(what)
			}
			if l.search != "" {
				b.open(base+l.path, "#q")
				b.shortcut("/")
				b.press(l.search + kb.Enter)
				b.do(chromedp.WaitVisible(".chip"))
			}
			b.exports(what)
			b.press(kb.ArrowDown)
			title := ask(b, chromedp.Evaluate[string](`document.activeElement.innerText`))
			b.press(kb.Enter)
			b.do(chromedp.WaitVisible("h1"), chromedp.WaitVisible(".thing"))
			b.shows(title)
			b.quiet(what)
		}
	}
}

// firstRow returns the text of the first row of a list.
func (b *tab) firstRow() string {
	b.Helper()
	return ask(b, chromedp.Evaluate[string](`document.querySelector('tbody tr').innerText`))
}

// sorts clicks on each head of a list that sorts it.
func (b *tab) sorts(what string) {
	b.Helper()
	heads := ask(b, chromedp.Evaluate[[]int](`[...document.querySelectorAll('thead th')].flatMap((h, i) => h.querySelector('a') ? [i + 1] : [])`))
	if len(heads) == 0 {
		b.Errorf("%s cannot be sorted", what)
	}
	for _, n := range heads {
		head := fmt.Sprintf("thead th:nth-of-type(%d)", n)
		was := ask(b, chromedp.Evaluate[string](`document.querySelector('`+head+`').ariaSort ?? ''`))
		want := "ascending"
		if was == "ascending" {
			want = "descending"
		}
		b.do(chromedp.Click(head+" a"), chromedp.WaitVisible(head+"[aria-sort="+want+"]"))
	}
}

// filters follows a filter of a list. The list then has as many rows as the filter has promised.
func (b *tab) filters(what string) {
	b.Helper()
	const choice = ".filters li a:has(.n)"
	b.do(chromedp.WaitVisible(choice))
	n := ask(b, chromedp.TextContent(choice+" .n"))
	b.do(chromedp.Click(choice), chromedp.WaitVisible(".chip"))
	if total := ask(b, chromedp.TextContent(".count strong")); total != n {
		b.Errorf("%s: the filter promises %s, the list has %s", what, n, total)
	}
}

// exports fetches the list as CSV.
func (b *tab) exports(what string) {
	b.Helper()
	const script = `fetch(document.querySelector('a.csv').href).then(async r => [r.status, r.headers.get('Content-Type'), (await r.text()).trim().split('\n').length, document.querySelectorAll('tbody tr').length])`
	got := ask(b, chromedp.Evaluate[[4]any](script, chromedp.EvalAwaitPromise))
	if kind, _ := got[1].(string); got[0] != 200.0 || !strings.HasPrefix(kind, "text/csv") || got[2].(float64) < got[3].(float64)+1 {
		b.Errorf("%s: the export has the status, the type and as many lines for as many rows: %v", what, got)
	}
}

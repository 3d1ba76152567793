package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestMain(m *testing.M) {
	if _, err := chromium(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A check that nobody complains has to hear those who do.
func TestComplaintsAreHeard(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Console":   `<script src="/say.js"></script>`,
		"Policy":    `<script>document.title = 'x'</script>`,
		"Style":     `<p style="color: red">red</p>`,
		"Missing":   `<link rel="stylesheet" href="/missing.css">`,
		"Exception": `<script src="/fail.js"></script>`,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/say.js", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "console.log('said')") })
	mux.HandleFunc("/fail.js", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "throw new Error('failed')") })
	for name, body := range tests {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:")
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,">`+body+`<p id="end">`)
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b := newTab(t)
	for name := range tests {
		b.do(chromedp.Navigate(server.URL+"/"+name), chromedp.WaitReady("#end"))
		if b.heard() == "" {
			t.Errorf("%s: nothing was heard", name)
		}
	}
}

// page is one to look at: when Ready is there, it is complete.
type page struct{ service, path, name, ready string }

var pages = []page{
	{"monolith", "/", "index", ".cards"},
	{"monolith", "/docs", "docs", ".opblock"},
	{"monolith", "/docs/events", "events", "#ProductCreated pre.payload"},
	{"catalog", "/catalog", "index", ".cards"},
	{"catalog", "/docs", "docs", ".opblock"},
	{"catalog", "/catalog/docs", "docs-below", ".opblock"},
	{"catalog", "/catalog/docs/events", "events", "#MarketCreated pre.payload"},
}

// call is one to try out: a tag and an operation that answers 200 whatever there is.
var calls = map[string][][2]string{
	"monolith": {{"products", "listProducts"}, {"catalog", "listCatalog"}, {"markets", "listMarkets"}},
	"catalog":  {{"entries", "listEntries"}, {"markets", "listMarkets"}, {"products", "listProducts"}},
}

// widths of the screens that pages are looked at on.
var widths = map[string]int64{"desktop": 1280, "phone": 390}

func TestPages(t *testing.T) {
	t.Parallel()
	at := startDemo(t)
	b := newTab(t)
	for _, scheme := range []string{"light", "dark"} {
		for device, width := range widths {
			b.look(scheme, width)
			for _, p := range pages {
				b.open(at[p.service]+p.path, p.ready)
				b.complete(fmt.Sprintf("%s-%s-%s-%s", p.service, p.name, scheme, device), width)
			}
		}
	}
	for device, width := range widths {
		b.look("light", width)
		for _, p := range pages {
			if p.ready != ".opblock" {
				continue
			}
			tried := calls[p.service]
			if device == "phone" {
				tried = tried[:1] // for its looks
			}
			for _, call := range tried {
				b.open(at[p.service]+p.path, p.ready)
				b.tryOut(call[0], call[1])
				b.complete(fmt.Sprintf("%s-%s-%s-%s", p.service, p.name, call[1], device), width)
			}
		}
	}
	b.links(at["monolith"]+"/", "/docs", "/docs/events", "/openapi.yaml", "/asyncapi.yaml", "/livez", "/readyz", "/api/v1/product")
	b.links(at["catalog"]+"/catalog", "/catalog/docs", "/catalog/docs/events", "/catalog/openapi.yaml", "/catalog/asyncapi.yaml", "/catalog/livez", "/catalog/readyz", "/catalog/api/v1")
}

func (b *tab) open(url, ready string) {
	b.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitVisible(ready))
}

// complete takes a picture, and fails on whatever is complained of or does not fit the screen.
func (b *tab) complete(what string, width int64) {
	b.Helper()
	b.keep(what)
	if wide := ask(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > width {
		b.Errorf("%s: %d pixels wide, on a screen of %d", what, wide, width)
	}
	if said := b.heard(); said != "" {
		b.Errorf("%s: %s", what, said)
	}
}

// tryOut opens an operation in Swagger UI and sends the request that it proposes.
func (b *tab) tryOut(tag, operation string) {
	b.Helper()
	block := "#operations-" + tag + "-" + operation
	answer := block + " .live-responses-table .response .response-col_status"
	b.do(
		chromedp.Click(block+" .opblock-summary-control"), chromedp.WaitVisible(block+" .execute"),
		chromedp.Click(block+" .execute"), chromedp.WaitVisible(answer),
	)
	if status := ask(b, chromedp.Evaluate[string](`document.querySelector('`+answer+`').textContent.trim()`)); status != "200" {
		b.Errorf("%s answers %q", operation, status)
	}
}

// links makes sure that a page leads to the given paths, and that all that it leads to is there.
func (b *tab) links(url string, want ...string) {
	b.Helper()
	b.open(url, ".cards")
	const script = `Promise.all([...document.links].map(async a => [a.pathname, (await fetch(a.pathname)).status]))`
	answers := ask(b, chromedp.Evaluate[[][2]any](script, chromedp.EvalAwaitPromise))
	found := map[string]bool{}
	for _, a := range answers {
		found[a[0].(string)] = true
		if a[1] != float64(200) {
			b.Errorf("%s leads to %s, which answers %v", url, a[0], a[1])
		}
	}
	for _, path := range want {
		if !found[path] {
			b.Errorf("%s does not lead to %s", url, path)
		}
	}
	if said := b.heard(); said != "" {
		b.Errorf("%s: %s", url, said)
	}
}

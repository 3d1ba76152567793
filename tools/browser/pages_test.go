package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run runs all tests in one browser.
func run(m *testing.M) int {
	browser, stop, err := startBrowser()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	shared = browser
	return m.Run()
}

// The test for complaints must hear these complaints.
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

// page is a page to test. It is complete when Ready is on the page.
type page struct{ service, path, name, ready string }

var pages = []page{
	{"monolith", "/", "index", ".cards"},
	{"monolith", "/docs", "docs", ".opblock"},
	{"monolith", "/docs/events", "events", "#ProductCreated pre.payload"},
	{"catalog", "/", "index", ".cards"},
	{"catalog", "/docs", "docs", ".opblock"},
	{"catalog", "/docs/events", "events", "#MarketCreated pre.payload"},
	{"catalog", "/catalog", "index-below", ".cards"},
	{"catalog", "/catalog/docs", "docs-below", ".opblock"},
	{"catalog", "/catalog/docs/events", "events-below", "#MarketCreated pre.payload"},
}

// widths are the widths of the screens on which the pages are tested.
var widths = map[string]int64{"desktop": 1280, "phone": 320}

//nolint:paralleltest // its parts share two cores, and each part would see the data of the others
func TestPages(t *testing.T) {
	t.Parallel()
	at := startDemo(t)
	t.Run("Looks", func(t *testing.T) { look(t, at) })
	t.Run("Admin", func(t *testing.T) { admin(t, at) })
	t.Run("Wire", func(t *testing.T) { wire(t, at) })
	// Before the parts that delete records of the sample data.
	t.Run("TryOut", func(t *testing.T) { tryOut(t, at) })
	t.Run("Lists", func(t *testing.T) { lists(t, at) })
	t.Run("EachList", func(t *testing.T) { eachList(t, at) })
	t.Run("Forms", func(t *testing.T) { forms(t, at) })
	t.Run("Tours", func(t *testing.T) { tours(t, at) })
	t.Run("Stuck", func(t *testing.T) { stuck(t, at) })
	t.Run("Roles", func(t *testing.T) { roles(t, at) })
	t.Run("Throttle", func(t *testing.T) { throttle(t, at) })
	t.Run("Expiry", func(t *testing.T) { expiry(t, at) })
	t.Run("Journeys", func(t *testing.T) { journeys(t, at) })
	t.Run("Links", func(t *testing.T) { links(t, at) })
	t.Run("Consumers", func(t *testing.T) { consumers(t, at) })
}

func look(t *testing.T, at services) {
	b := newTab(t)
	for _, p := range pages {
		b.open(at[p.service]+p.path, p.ready)
		for _, scheme := range []string{"light", "dark"} {
			for device, width := range widths {
				b.look(scheme, width)
				what := fmt.Sprintf("%s-%s-%s-%s", p.service, p.name, scheme, device)
				b.complete(what, width)
				if width == looks[scheme] {
					b.accessible(what)
				}
			}
		}
	}
}

func (b *tab) open(url, ready string) {
	b.Helper()
	b.do(chromedp.Navigate(url), chromedp.WaitVisible(ready))
}

// complete takes a screenshot. It fails if there is a complaint, or if the page is wider than the screen.
func (b *tab) complete(what string, width int64) {
	b.Helper()
	b.keep(what)
	if wide := ask(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > width {
		b.Errorf("%s: %d pixels wide, on a screen of %d", what, wide, width)
	}
	b.quiet(what)
}

// quiet fails if there was a complaint.
func (b *tab) quiet(what string) {
	b.Helper()
	if said := b.heard(); said != "" {
		b.Errorf("%s: %s", what, said)
	}
}

// links checks that each index links to all pages, and that every link of a page to its own server works.
func links(t *testing.T, at services) {
	b := newTab(t)
	led := map[string]bool{} // page, space, path
	for _, p := range pages {
		b.open(at[p.service]+p.path, p.ready)
		const script = `Promise.all([...document.links].filter(a => a.origin === location.origin).map(async a => {
			const there = a.pathname !== location.pathname || !a.hash || a.hash.startsWith('#/') || document.getElementById(a.hash.slice(1))
			return [a.pathname, there ? (await fetch(a.pathname)).status : a.hash + ' is nowhere']
		}))`
		for _, a := range ask(b, chromedp.Evaluate[[][2]any](script, chromedp.EvalAwaitPromise)) {
			led[fmt.Sprint(p.service, p.path, " ", a[0])] = true
			if a[1] != float64(http.StatusOK) {
				t.Errorf("%s%s leads to %s: %v", p.service, p.path, a[0], a[1])
			}
		}
		b.quiet(p.service + p.path)
	}
	for index, paths := range map[string][]string{
		"monolith/":       {"/admin", "/docs", "/docs/events", "/openapi.yaml", "/asyncapi.yaml", "/livez", "/readyz", "/metrics", "/api/v1/product"},
		"catalog/":        {"/catalog/admin", "/docs", "/docs/events", "/openapi.yaml", "/asyncapi.yaml", "/livez", "/readyz", "/metrics", "/catalog/api/v1"},
		"catalog/catalog": {"/catalog/admin", "/catalog/docs", "/catalog/docs/events", "/catalog/openapi.yaml", "/catalog/asyncapi.yaml", "/catalog/livez", "/catalog/readyz", "/catalog/metrics", "/catalog/api/v1"},
	} {
		for _, path := range paths {
			if !led[index+" "+path] {
				t.Errorf("%s does not lead to %s", index, path)
			}
		}
	}
}

// consumers checks that the page shows the consumers of each message, and that no consumer expects an unknown message.
func consumers(t *testing.T, at services) {
	b := newTab(t)
	for _, p := range pages {
		if !strings.HasSuffix(p.path, "/events") {
			continue
		}
		b.open(at[p.service]+p.path, p.ready)
		const script = `[...document.querySelectorAll('.message')].map(m => [m.id, ...[...m.querySelectorAll('.expectations .pill')].map(p => p.textContent)])`
		messages := ask(b, chromedp.Evaluate[[][]string](script))
		for _, m := range messages {
			// Other services may read the messages too.
			if want := map[string]string{"monolith": "catalog", "catalog": "monolith"}[p.service]; !slices.Contains(m[1:], want) {
				t.Errorf("%s%s: %s is read by %q, want %s among them", p.service, p.path, m[0], m[1:], want)
			}
		}
		if len(messages) == 0 {
			t.Errorf("%s%s shows no message", p.service, p.path)
		}
		if ask(b, chromedp.Evaluate[bool](`!!document.querySelector('.note.warn')`)) {
			t.Errorf("%s%s: a consumer expects a message that is not described", p.service, p.path)
		}
		b.quiet(p.service + p.path)
	}
}

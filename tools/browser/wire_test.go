package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A page may take this many bytes of the network, with all that it loads: when nothing is in the browser's cache, and later. Swagger
// UI is code of others, and larger than a page may be.
const (
	firstBytes, laterBytes = 60_000, 15_000
	swaggerFirstBytes      = 450_000
)

// wire opens every page twice, on a small screen and on a large one. It checks how much the page loads, that nothing moves while the
// page is built, and how it is printed.
func wire(t *testing.T, at services) {
	for service, base := range map[string]string{"monolith": at["monolith"] + "/admin", "catalog": at["catalog"] + "/catalog/admin"} {
		b := newTab(t)
		l := b.listen()
		b.measure(l, base+"/sign-in", "#password", firstBytes)
		b.do(chromedp.SendKeys("#name", "admin"), chromedp.SendKeys("#password", "pass"), chromedp.Click("button.main"), chromedp.WaitVisible(".cards"))
		for _, p := range slices.Concat(adminPages, dataPages[service]) {
			b.measure(l, base+p.path, p.ready, firstBytes)
		}
		if service == "monolith" {
			b.newsMoveNothing(base)
		}
		for _, p := range pages {
			if p.service != service {
				continue
			}
			limit := firstBytes
			if strings.HasSuffix(p.path, "/docs") {
				limit = swaggerFirstBytes
			}
			b.measure(l, at[service]+p.path, p.ready, limit)
		}
	}
}

// measure opens a page with an empty cache, and again.
func (b *tab) measure(l *load, url, ready string, first int) {
	b.Helper()
	visits := []struct {
		name  string
		width int64
		limit int
	}{{"first", 320, first}, {"later", 1280, laterBytes}}
	b.do(clearCache)
	for _, visit := range visits {
		b.look("light", visit.width)
		b.do(chromedp.Navigate("about:blank")) // a page that is open already would be revalidated
		l.begin()
		b.open(url, ready)
		b.do(chromedp.Poll[chromedp.Void](`document.readyState === 'complete'`))
		bytes, err := l.end()
		if err != nil {
			b.Errorf("%s: %v", url, err)
		}
		b.Logf("%s, %s visit: %d bytes", url, visit.name, bytes)
		if bytes == 0 || bytes > visit.limit {
			b.Errorf("%s takes %d bytes on the %s visit, want at most %d:\n%s", url, bytes, visit.name, visit.limit, l)
		}
		b.still(fmt.Sprintf("%s on a screen of %d", url, visit.width))
	}
	b.printed(url)
	b.look("light", 1280)
	b.quiet(url)
}

// still fails if something has moved since the page was opened.
func (b *tab) still(what string) {
	b.Helper()
	if moved := ask(b, chromedp.Evaluate[[]string](layoutShifts, chromedp.EvalAwaitPromise)); len(moved) > 0 {
		b.Errorf("%s moves: %s", what, strings.Join(moved, "; "))
	}
}

// newsMoveNothing creates a product on a small screen. The line below its name grows when the event is sent.
func (b *tab) newsMoveNothing(base string) {
	b.Helper()
	b.look("light", 320)
	b.open(base+"/products/new", "#name")
	b.do(chromedp.SendKeys("#name", "Walnut shelf"), chromedp.SendKeys("#product_category", "Shelves"),
		chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible(".way"))
	b.appears("p.way", `sent \(partition`)
	b.still("the page of a new product")
}

// paperWidth is the width of a sheet of A4 without its margins, in pixels of CSS.
const paperWidth = 718

// printed checks the page on paper, as a browser in dark colors would print it. Paper is white, and has no controls.
func (b *tab) printed(url string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(paperWidth, 900), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	}))
	const script = `[
		...[getComputedStyle(document.documentElement).backgroundColor].filter(c => c !== 'rgb(255, 255, 255)').map(c => 'the paper is ' + c),
		...[document.documentElement.scrollWidth].filter(w => w > innerWidth).map(w => w + ' pixels wide'),
		...[...document.querySelectorAll('.top, .skip, main button, main .panel')].filter(e => !e.closest('.swagger-ui, [hidden]') &&
			e.checkVisibility() !== e.matches('.panel')).map(e => (e.matches('.panel') ? 'missing: ' : 'a control: ') + e.outerHTML.slice(0, 80)),
	]`
	if faults := ask(b, chromedp.Evaluate[[]string](script)); len(faults) > 0 {
		b.Errorf("%s on paper: %s", url, strings.Join(faults, "; "))
	}
}

// clearCache empties the cache of the browser. Cookies stay.
var clearCache = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, network.ClearBrowserCache, cdp.Empty{})
	return err
})

// layoutShifts returns what has moved since the page was opened, after the browser has painted once more.
const layoutShifts = `new Promise(done => {
	const moved = []
	new PerformanceObserver(list => moved.push(...list.getEntries().map(shift =>
		shift.value + ' ' + shift.sources.map(s => s.node && (s.node.outerHTML || s.node.textContent).slice(0, 80)).join(', ')))
	).observe({type: 'layout-shift', buffered: true})
	requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(moved))))
})`

// load counts what a tab loads.
type load struct {
	mu      sync.Mutex
	open    map[network.RequestID]string // the addresses of requests that have not ended
	bytes   map[string]int               // by address
	changed chan struct{}
}

// listen begins to count what the tab loads.
func (b *tab) listen() *load {
	b.Helper()
	l := &load{changed: make(chan struct{}, 1)}
	l.begin()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	}))
	if err := chromedp.Listen(b.ctx, l.hear); err != nil {
		b.Fatal(err)
	}
	return l
}

// begin forgets what was loaded.
func (l *load) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.bytes = map[network.RequestID]string{}, map[string]int{}
}

func (l *load) hear(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type != network.ResourceTypeEventSource { // it ends with the page
			l.open[e.RequestID] = e.Request.URL
		}
	case *network.EventLoadingFinished:
		if url, ok := l.open[e.RequestID]; ok {
			l.bytes[url] += int(e.EncodedDataLength)
		}
		delete(l.open, e.RequestID)
	case *network.EventLoadingFailed:
		delete(l.open, e.RequestID)
	default:
		return
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// end waits until nothing is on its way, and returns the sum.
func (l *load) end() (sum int, err error) {
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		left := fmt.Sprint(l.open)
		done := len(l.open) == 0 && len(l.bytes) > 0
		sum = 0
		for _, n := range l.bytes {
			sum += n
		}
		l.mu.Unlock()
		if done {
			return sum, nil
		}
		select {
		case <-l.changed:
		case <-deadline:
			return sum, fmt.Errorf("still loads %s", left)
		}
	}
}

// String returns what was loaded, one address per line.
func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for url, n := range l.bytes {
		lines = append(lines, fmt.Sprintf("%7d %s", n, url))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

package browser

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// tryOut does what a new user does: it sends the requests that Swagger UI proposes. Each request that can succeed on the sample
// data must succeed.
func tryOut(t *testing.T, at services) {
	b := newTab(t)
	b.look("light", widths["desktop"])
	lists := map[string][]string{
		"monolith": {"products-listProducts", "catalog-listCatalog", "markets-listMarkets"},
		"catalog":  {"entries-listEntries", "markets-listMarkets", "products-listProducts"},
	}
	for _, p := range pages {
		if p.ready != ".opblock" {
			continue
		}
		for i, list := range lists[p.service] {
			b.open(at[p.service]+p.path, p.ready)
			var items []any
			b.try(list).must(t, 200, &items)
			if len(items) == 0 {
				t.Errorf("%s%s: %s gives nothing", p.service, p.path, list)
			}
			if i == 0 {
				b.complete(fmt.Sprintf("%s-%s-%s-desktop", p.service, p.name, list), widths["desktop"])
			}
			b.quiet(p.service + p.path + " " + list)
		}
	}
	b.look("light", widths["phone"])
	b.open(at["monolith"]+"/docs", ".opblock")
	b.try("products-listProducts").must(t, 200, nil)
	b.complete("monolith-docs-products-listProducts-phone", widths["phone"])

	b.look("dark", widths["desktop"])
	t.Run("Product", func(t *testing.T) { tryProducts(t, b, at["monolith"]+"/docs") })
	t.Run("Entry", func(t *testing.T) { tryEntries(t, b, at["catalog"]+"/docs") })
}

// tryProducts reads the proposed product and creates two products. It changes and deletes one of them.
func tryProducts(t *testing.T, b *tab, url string) {
	b.open(url, ".opblock")
	b.try("products-getProduct").must(t, 200, nil)
	b.try("catalog-getCatalog").must(t, 200, nil)
	var proposed, other struct {
		ID      int
		Name    string
		Version int
	}
	b.try("products-createProduct").must(t, 201, &proposed)
	b.again("products-createProduct", fill{"textarea", `{"name": "Walnut desk", "product_category": "Desks"}`}).must(t, 201, &other)
	if other.ID == proposed.ID || other.Name != "Walnut desk" {
		t.Errorf("created %+v, and then %+v", proposed, other)
	}
	id := fill{`tr[data-param-name="id"] input`, fmt.Sprint(other.ID)}
	b.try("products-patchProduct", id).must(t, 200, &other)
	if other.Version != 2 {
		t.Errorf("patched to %+v", other)
	}
	b.try("products-deleteProduct", id).must(t, 204, nil)
	b.complete("monolith-docs-changes-dark-desktop", widths["desktop"])
}

// tryEntries reads the proposed entries, creates an entry, and then changes and deletes it.
func tryEntries(t *testing.T, b *tab, url string) {
	b.open(url, ".opblock")
	b.try("products-getProduct").must(t, 200, nil)
	b.try("markets-getMarket").must(t, 200, nil)
	b.try("markets-patchMarket").must(t, 200, nil)
	var entry struct{ ID string }
	b.try("entries-createEntry").must(t, 201, &entry)
	id := fill{`tr[data-param-name="id"] input`, entry.ID}
	b.try("entries-getEntry", id).must(t, 200, nil)
	b.try("entries-patchEntry", id).must(t, 200, nil)
	b.try("entries-deleteEntry", id).must(t, 204, nil)
	b.complete("catalog-docs-changes-dark-desktop", widths["desktop"])
}

// fill is the text that a user types into one input of an operation.
type fill struct{ input, text string }

// answer is an answer as Swagger UI shows it.
type answer struct{ operation, status, body string }

// try opens an operation by its tag and its id, and sends the proposed request with the changes in fills.
func (b *tab) try(operation string, fills ...fill) answer {
	b.Helper()
	block := "#operations-" + operation
	// Swagger UI lists the answers when it has resolved the references. Before that, it has no parameters and cannot send.
	b.do(chromedp.Click(block+" .opblock-summary-control"), chromedp.WaitVisible(block+" .responses-table .response"))
	return b.again(operation, fills...)
}

// again sends another request from an open operation.
func (b *tab) again(operation string, fills ...fill) answer {
	b.Helper()
	block := "#operations-" + operation
	live := block + " .live-responses-table .response"
	if ask(b, chromedp.Evaluate[bool](`!!document.querySelector('`+live+`')`)) {
		b.do(chromedp.Click(block+" .btn-clear"), chromedp.WaitNotPresent(live))
	}
	for _, f := range fills {
		input := block + " " + f.input
		b.do(chromedp.WaitVisible(input))
		ask(b, chromedp.Evaluate[bool](`document.querySelector('`+input+`').select(), true`))
		b.do(chromedp.SendKeys(input, f.text))
	}
	b.do(chromedp.Click(block+" .execute"), chromedp.WaitVisible(live+" .response-col_status"))
	text := func(of string) string {
		return strings.TrimSpace(ask(b, chromedp.Evaluate[string](`document.querySelector('`+live+" "+of+`')?.textContent ?? ''`)))
	}
	return answer{operation, text(".response-col_status"), text(".highlight-code pre")}
}

func (a answer) must(t *testing.T, status int, into any) {
	t.Helper()
	// If the document does not have this answer, Swagger UI shows a note beside the status.
	if got, _, _ := strings.Cut(a.status, "\n"); got != fmt.Sprint(status) {
		t.Fatalf("%s answers %q, want %d\n%s", a.operation, a.status, status, a.body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%s: %v\n%s", a.operation, err, a.body)
	}
}

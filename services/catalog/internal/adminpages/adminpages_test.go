package adminpages_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// A person searches the product and the market of a new entry, creates it, moves its days, and deletes it.
func TestLifeOfAnEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL", "DE")
	p := b.SignIn(account.Editor)
	p.Get("/entries").Must(200, "There are no entries yet.", `<a class="button" href="/admin/entries/new">Create the first entry</a>`)
	p.Get("/entries/new").Must(200, `value="`+desk.String()+`"`, "Desk (Furniture)", "Market DE (DE)")
	p.Get("/entries/new/find/product?q=des").Must(200, `name="product" value="`+desk.String()+`"`)
	p.Get("/entries/new/find/product?q=lamp").Must(200, "Nothing matches.") // it is discontinued
	p.Get("/entries/new/find/market?q=NL").Must(200, "Market NL (NL)")
	p.Get("/entries/new/find/nothing").Must(404)
	// Without a script, the buttons of the searches show the form again.
	found := p.Post("/entries/new", "find.market", "nl", "find", "market", "product", desk.String(), "availability_date", "2026-03-01").Must(200,
		`value="`+desk.String()+`" checked`, `value="2026-03-01"`, `value="NL"`)
	if strings.Contains(found.Body, `value="DE"`) || strings.Contains(found.Body, "aria-invalid") {
		t.Errorf("a search shows other markets or faults: %s", found.Body)
	}
	p.Post("/entries/new", "find.market", "nl", "product", desk.String(), "do", "save").Must(200, `value="NL"`) // the Enter key in the search
	created := p.Post("/entries/new", "product", desk.String(), "market", "NL", "availability_date", "2026-03-01", "do", "continue")
	page := p.Follow(created).Must(200, "The entry “Desk in Market NL” is created, as version 1.", "Version 1: committed", `<h1>Desk in Market NL</h1>`, `value="2026-03-01"`, `<p class="locked">Market NL (NL)</p>`)
	p.Get("/markets/NL").Must(200, "Version 1: committed")
	p.Get("/products/"+desk.String()).Must(200, "This service knows nothing of the way of its events yet.")
	p.Get("/history/catalog-entry/"+strings.TrimPrefix(created.To(), "/entries/")).Must(200, "2026-03-01", "some-editor")
	form := page.Hidden()
	form.Set("availability_date", "2026-04-01")
	form.Set("availability_end_date", "2026-05-01")
	p.Follow(p.Do(http.MethodPost, created.To(), form)).Must(200, "is saved, as version 2", `<span class="state">ended</span>`)
	p.Get(created.To()+"/delete").Must(200, "The product is not offered in the market any more.")
	p.Follow(p.Post(created.To()+"/delete", "version", "2")).Must(200, "The entry is deleted.")
	p.Get(created.To()).Must(404)
}

func TestFaultsOfAnEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL")
	b.entry("NL", "", "")
	p := b.SignIn(account.Editor)
	p.Post("/entries/new").Must(422, `id="product-fault"><p>Must be the id of a product.`, `id="market-fault"><p>Must be two capital letters.`)
	p.Post("/entries/new", "product", desk.String(), "market", "NL").Must(409, `id="market-fault"><p>There is already an entry for this product in this market.`)
	p.Post("/entries/new", "product", lamp.String(), "market", "NL").Must(422, `id="product-fault"><p>Is discontinued.`)
	p.Post("/entries/new", "product", desk.String(), "market", "NL", "availability_date", "soon").Must(422, `id="availability_date-fault"><p>Must be a day such as 2026-03-01.`)
	p.Post("/entries/new", "product", desk.String(), "market", "NL", "availability_date", "2026-03-02", "availability_end_date", "2026-03-01").Must(422, `id="availability_end_date-fault"`)
	p.Post("/entries/new", "product", "<b>", "market", "\x00").Must(422, "&lt;b&gt;")
}

// The stored days and those of the person differ. Only the field that both have changed needs a decision.
func TestConflictOfAnEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL")
	e := b.entry("NL", "2026-03-01", "")
	p := b.SignIn(account.Editor)
	path := "/entries/" + e.ID.String()
	form := p.Get(path).Must(200).Hidden()
	start, end := entry.Date{}, entry.Date{}
	if err := start.UnmarshalText([]byte("2026-06-01")); err != nil {
		t.Fatal(err)
	}
	if err := end.UnmarshalText([]byte("2026-09-01")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.entries.Patch(t.Context(), e.ID, entry.Patch{Start: &start, End: &end}, nil); err != nil {
		t.Fatal(err)
	}
	form.Set("availability_date", "2026-04-01")
	p.Do(http.MethodPost, path, form).Must(409, `value="2026-06-01" required>`, `value="2026-04-01" required>`, `value="2026-09-01" required checked>`)
}

// Between the look of a page and the change, another person can save.
func TestVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL", "DE")
	e := b.entry("NL", "2026-03-01", "")
	p := b.SignIn(account.Editor)
	p.CheckVersions("/entries", e.ID.String(), "availability_date", "2026-04-01")
	p.CheckVersions("/markets", "DE", "name", "Germany")
}

func TestListOfEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL", "DE", "FR", "IT")
	b.entry("NL", "2026-01-01", "")
	b.entry("DE", "2026-01-01", "2026-02-01")
	b.entry("FR", "2026-12-01", "")
	b.entry("IT", "", "")
	p := b.SignIn(account.Viewer)
	for query, want := range map[string]int{
		"": 4, "?offer=today": 1, "?market=DE": 1, "?market=XX": 0, "?product=" + desk.String(): 4, "?product=" + lamp.String(): 0, "?product=x": 0, "?sort=updated_at": 4, "?sort=-market": 4,
	} {
		if got := len(p.Get("/entries" + query).Must(200).Rows()); got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
	p.Counted("/entries").Must(200, "<strong>4</strong> entries", `Open today <span class="n">1</span>`, `Market DE <span class="n">1</span>`,
		`<span class="quiet">open</span>`, `<span class="state">ended</span>`, `<span class="state">later</span>`, `<span class="state">not scheduled</span>`)
	p.Get("/entries?product="+desk.String()).Must(200, "Product: Desk (Furniture)")
	if got := p.Get("/entries.csv?market=DE").Must(200).Body; !strings.HasPrefix(got, "Product,Market (code),First day,Last day,Offer,Changed\nDesk,Market DE (DE),2026-01-01,2026-02-01,ended,") {
		t.Error(got)
	}
}

func TestMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Editor)
	p.Post("/markets/new", "iso_code", "nl", "name", "").Must(422, `id="iso_code-fault"><p>Must be two capital letters.`, `id="name-fault"><p>Must not be blank.`)
	p.Follow(p.Post("/markets/new", "iso_code", "NL", "name", "Holland", "do", "save")).Must(200, "The market “Holland” is created, as version 1.")
	p.Post("/markets/new", "iso_code", "NL", "name", "Holland").Must(409, `id="iso_code-fault"`)
	p.Follow(p.Post("/markets/NL", "version", "1", "name", "Netherlands", "do", "continue")).Must(200, "is saved, as version 2", `value="Netherlands"`, `href="/admin/history/market/NL?thing=NL"`, `<p class="locked">NL</p>`)
	p.Post("/markets/NL", "version", "1", "name", "Nederland").Must(409, "Netherlands has changed in the meantime")
	b.entry("NL", "", "")
	p.Post("/markets/NL/delete", "version", "2").Must(409, "Entries use this market; delete them first.", `<a href="/admin/entries?market=NL">Entries in this market</a>`)
	question := p.Post("/markets/do", "action", "delete", "pick", "NL@2").Must(200, "<li>Netherlands</li>").Hidden()
	p.Follow(p.Do(http.MethodPost, "/markets/do", question)).Must(200, "0 markets are deleted. 1 market could not be deleted: Netherlands: Entries use this market")
	for _, path := range []string{"/markets/nl", "/markets/XX", "/markets/" + strings.Repeat("x", 300), "/entries/1", "/entries/" + desk.String(), "/products/x"} {
		p.Get(path).Must(404)
	}
}

// Copies can only be read, by everybody.
func TestProductsAreCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Admin)
	list := p.Counted("/products").Must(200, "The monolith owns the products.", "Desk", `<span class="state">discontinued</span>`, `Furniture <span class="n">1</span>`)
	item := p.Get("/products/"+lamp.String()).Must(200, "They can only be read here.", "Version at the owner", `href="/admin/entries?product=`+lamp.String()+`"`)
	for _, a := range []string{list.Body, item.Body} {
		if strings.Contains(a, "New product") || strings.Contains(a, `name="pick"`) || strings.Contains(a, "Delete") || strings.Contains(a, ">Save<") {
			t.Errorf("a copy can be changed: %s", a)
		}
	}
	for _, path := range []string{"/products/new", "/products/do", "/products/" + lamp.String(), "/products/" + lamp.String() + "/delete"} {
		if a := p.Post(path, "version", "3"); a.Status < 400 {
			t.Errorf("POST %s is %d", path, a.Status)
		}
	}
	var left string
	if err := b.pool.QueryRow(t.Context(), `SELECT string_agg(name || version, ' ' ORDER BY name) FROM product_copy`).Scan(&left); err != nil || left != "Desk1 Lamp3" {
		t.Error(fmt.Sprint(left, err))
	}
}

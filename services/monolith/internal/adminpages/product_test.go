package adminpages_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// A person creates a product, changes it and deletes it. Each step is one change with its event.
func TestLifeOfAProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Editor)
	p.Get("/products").Must(200, "There are no products yet.", `<a class="button" href="/admin/products/new">Create the first product</a>`)
	p.Get("/products/new").Must(200, `name="name"`, `name="discontinued"`)
	page := p.Follow(p.Post("/products/new", "name", " Desk ", "product_category", "Furniture", "do", "continue"))
	page.Must(200, "The product “Desk” is created, as version 1.", `value="Desk"`)
	desk, err := b.products.Get(t.Context(), 1)
	if err != nil || desk.Name != "Desk" || desk.Discontinued {
		t.Fatalf("%+v, %v", desk, err)
	}
	page = p.Follow(p.Post("/products/1", "version", "1", "name", "Standing desk", "product_category", "Furniture", "discontinued", "on", "do", "save"))
	page.Must(200, "is saved, as version 2", `<a href="/admin/products/1">Standing desk</a>`, `<span class="state">discontinued</span>`)
	p.Follow(p.Post("/products/1", "version", "2", "name", "Standing desk", "product_category", "Furniture", "discontinued", "on")).
		Must(200, "Nothing has changed.")
	p.Get("/products/1/delete").Must(200, "Delete Standing desk?", "The catalog service deletes the entries", "the catalog has 0 entries", `name="version" value="2"`)
	p.Follow(p.Post("/products/1/delete", "version", "2")).Must(200, "The product “Standing desk” is deleted.")
	p.Get("/products/1").Must(404, "It does not exist, or not any more")
	if n := b.events(); n != 3 {
		t.Errorf("%d events", n)
	}
	if to := p.Post("/products/new", "name", "Lamp", "product_category", "Furniture", "do", "another").To(); to != "/products/new" {
		t.Errorf("“Save and add another” leads to %s", to)
	}
}

// All faults of a form are shown at once, each beside its field. What was typed stays.
func TestFaultsOfAProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk", "Lamp")
	p := b.SignIn(account.Editor)
	a := p.Post("/products/new", "name", "", "product_category", strings.Repeat("x", 26), "discontinued", "on").Must(422,
		`<div class="fault" id="name-fault"><p>Must not be blank.</p></div>`,
		`<div class="fault" id="product_category-fault"><p>Has 26 characters, at most 25 are allowed.</p></div>`, strings.Repeat("x", 26), "checked")
	if strings.Count(a.Body, `aria-invalid="true"`) != 2 {
		t.Errorf("not two fields are wrong: %s", a.Body)
	}
	taken := `id="name-fault"><p>There is already a product with this name in this category.`
	p.Post("/products/new", "name", "Desk", "product_category", "Furniture").Must(409, taken, `value="Desk"`)
	p.Post("/products/2", "version", "1", "name", "Desk", "product_category", "Furniture").Must(409, taken)
	p.Post("/products/2", "version", "1", "name", "\x00", "product_category", "Furniture").Must(422, "U+0000")
	p.Post("/products/2", "version", "1", "name", "\xff", "product_category", "Furniture").Must(422, "UTF-8")
	if n := b.events(); n != 2 {
		t.Errorf("%d events", n)
	}
}

// Somebody has changed the product while a person edited it. The person sees both sides, and chooses field by field.
func TestConflictOfAProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	p := b.SignIn(account.Editor)
	mine := p.Get("/products/1").Must(200).Hidden()
	ada := caller.With(t.Context(), caller.Caller{Kind: caller.KindSession, Name: "ada"})
	if _, err := b.products.Replace(ada, 1, product.Draft{Name: "Table", Category: "Office", Discontinued: true}, nil); err != nil {
		t.Fatal(err)
	}
	mine.Set("name", "Bureau")
	mine.Set("product_category", "Furniture")
	mine.Set("do", "continue")
	conflict := p.Do(http.MethodPost, "/products/1", mine).Must(409, "Table has changed in the meantime", "The product was saved by <bdi>user ada</bdi> at <time",
		`name="name" value="Table" required>`, `name="name" value="Bureau" required>`, // both were changed: nothing is chosen
		`name="product_category" value="Office" required checked>`, `name="discontinued" value="on" required checked>`) // only the stored one was
	again := conflict.Hidden()
	p.Do(http.MethodPost, "/products/1", again).Must(409, "Choose what to keep") // without a choice nothing is saved
	again.Set("name", "Bureau")
	again.Set("product_category", "Office")
	again.Set("discontinued", "on")
	again.Set("do", "continue")
	p.Follow(p.Do(http.MethodPost, "/products/1", again)).Must(200, "is saved, as version 3")
	got, err := b.products.Get(t.Context(), 1)
	if err != nil || got.Draft != (product.Draft{Name: "Bureau", Category: "Office", Discontinued: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	p.Post("/products/1/delete", "version", "2").Must(409, "was changed in the meantime", `name="version" value="3"`)
	if _, err := b.products.Delete(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	p.Do(http.MethodPost, "/products/1", again).Must(404)
}

// Between the look of a page and the change, another person can save.
func TestVersionOfAProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	b.SignIn(account.Editor).CheckVersions("/products", "1", "name", "Table", "product_category", "Furniture")
}

func TestListOfProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk", "Lamp", "Big desk")
	tea := b.create("Tea", "Green")[0]
	if _, err := b.products.Patch(t.Context(), tea.ID, product.Patch{Discontinued: new(true)}, nil); err != nil {
		t.Fatal(err)
	}
	p := b.SignIn(account.Viewer)
	for query, want := range map[string]string{
		"":                               "Big desk Desk Green Lamp",
		"?sort=-name":                    "Lamp Green Desk Big desk",
		"?sort=id":                       "Desk Lamp Big desk Green",
		"?sort=product_category":         "Desk Lamp Big desk Green",
		"?sort=nothing":                  "Big desk Desk Green Lamp",
		"?q=DESK":                        "Big desk Desk",
		"?state=discontinued":            "Green",
		"?state=active":                  "Big desk Desk Lamp",
		"?product_category=Tea":          "Green",
		"?product_category=Tea&q=desk":   "",
		"?q=%00%ff":                      "Big desk Desk Green Lamp",
		"?q=" + strings.Repeat("x", 500): "Big desk Desk Green Lamp",
		"?product_category=%ff":          "Big desk Desk Green Lamp",
		"?state=active&sort=-updated_at": "Big desk Lamp Desk",
	} {
		if got := strings.Join(p.Get("/products"+query).Must(200).Rows(), " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	p.Counted("/products").Must(200, "<strong>4</strong> products", `Active <span class="n">3</span>`, `Discontinued <span class="n">1</span>`, `Furniture <span class="n">3</span>`)
	p.Counted("/products?q=desk").Must(200, "<strong>2</strong> products", `Active <span class="n">2</span>`, `Discontinued <span class="n">0</span>`, `Furniture <span class="n">2</span>`, `Tea <span class="n">0</span>`)
	p.Counted("/products?product_category=Tea").Must(200, "<strong>1</strong> product", `Active <span class="n">0</span>`, `Discontinued <span class="n">1</span>`)
	p.Get("/products?product_category=Tea&q=desk").Must(200, "None of the products match.")
	p.Get("/products?product_category=Furniture&q=desk&sort=-name").Must(200, `<a class="chip" href="/admin/products?product_category=Furniture&sort=-name" aria-label="Search for desk: remove this search">`,
		`<a class="chip" href="/admin/products?q=desk&sort=-name" aria-label="Category Furniture: remove this filter">`)
	p.Get("/products?cursor=broken").Must(400, "The address does not say where the list continues.")
}

// Pages lead forward and back, in both directions of a sort, and show each row once.
func TestPagesOfProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `SET session_replication_role = replica; INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
		SELECT gen_random_uuid(), 'p' || lpad(n::text, 4, '0'), 'c' || n % 3, 1, now(), now() FROM generate_series(1, 1200) n`); err != nil {
		t.Fatal(err)
	}
	p := b.SignIn(account.Viewer)
	for _, first := range []string{"/products", "/products?sort=-name", "/products?sort=-updated_at", "/products?sort=product_category&product_category=c1"} {
		var seen []string
		var pages [][]string
		at := p.Get(first).Must(200)
		if at.Page("prev") != "" {
			t.Error("the first page leads back")
		}
		for {
			pages, seen = append(pages, at.Rows()), append(seen, at.Rows()...)
			next := at.Page("next")
			if next == "" {
				break
			}
			at = p.Get(next).Must(200)
		}
		for i := len(pages) - 2; i >= 0; i-- {
			if at = p.Get(at.Page("prev")).Must(200); !slices.Equal(at.Rows(), pages[i]) {
				t.Fatalf("%s: back on page %d: %q, want %q", first, i, at.Rows(), pages[i])
			}
		}
		if at.Page("prev") != "" {
			t.Errorf("%s: before the first page there is another one", first)
		}
		slices.Sort(seen)
		if want := map[bool]int{true: 400, false: 1200}[strings.Contains(first, "c1")]; len(slices.Compact(seen)) != want {
			t.Errorf("%s: %d rows, want %d", first, len(seen), want)
		}
	}
	next := p.Get("/products").Page("next")
	for _, other := range []string{next + "&sort=-name", next + "&product_category=c1", next + "&back=1&q=p", strings.Replace(next, "products", "entries", 1)} {
		p.Get(other).Must(400, "where the list continues")
	}
	if lines := strings.Count(p.Get(strings.Replace(next, "products", "products.csv", 1)).Must(200).Body, "\n"); lines != 1201 {
		t.Errorf("the export from a page has %d lines", lines)
	}
	p.Counted("/products").Must(200, "<strong>1,000+</strong> products", `Active <span class="n">1,000+</span>`, `c1 <span class="n">400</span>`)
}

// A filter with many choices is a drop-down list, with counts too. Only one with very many has none.
func TestCountsOfManyCategories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Viewer)
	p.Get("/products").Must(200, "There are no products yet.", "A user with the role editor or admin can create the first product.")
	insert := func(from, to int) {
		t.Helper()
		if _, err := b.pool.Exec(t.Context(), `SET session_replication_role = replica; INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
			SELECT gen_random_uuid(), 'desk ' || n, 'c' || n, 1, now(), now() FROM generate_series(`+fmt.Sprintf("%d, %d", from, to)+`) n`); err != nil {
			t.Fatal(err)
		}
	}
	insert(10, 59)
	page := p.Get("/products?q=desk")
	for deadline := time.Now().Add(time.Minute); strings.Count(page.Body, " (1)</option>") != 50; page = p.Get("/products?q=desk").Must(200) { // on a busy machine
		if time.Now().After(deadline) {
			t.Fatalf("not all choices have a count: %s", page.Body)
		}
	}
	insert(60, 60)
	p.Counted("/products?q=desk").Must(200, "<strong>51</strong> products", `<option value="c60">c60</option>`)
}

func TestExportOfProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Tea", "Green", "=1+1", "Black, \"fine\"")
	b.create("Furniture", "Desk")
	a := b.SignIn(account.Viewer).Get("/products.csv?product_category=Tea").Must(200, "Name,Category,State,Number,Changed\n'=1+1,Tea,active,2,2", "\n\"Black, \"\"fine\"\"\",Tea,active,3,2")
	if lines := strings.Count(a.Body, "\n"); lines != 4 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") ||
		a.Header.Get("Content-Disposition") != `attachment; filename="products.csv"` || strings.Contains(a.Body, "Desk") {
		t.Errorf("%d lines, %v: %s", lines, a.Header, a.Body)
	}
}

// An action changes the selected products, after a question that names them.
func TestActionOnSelectedProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk", "Lamp", "Sofa")
	p := b.SignIn(account.Editor)
	p.Post("/products/do", "action", "discontinue").Must(422, "Select some products first.")
	p.Post("/products/do", "action", "burn", "pick", "1@1").Must(422, "Choose what to do")
	p.Post("/products/do", "action", "delete", "pick", "1@x").Must(400)
	question := p.Post("/products/do", "action", "discontinue", "pick", "1@1", "pick", "3@1", "sort", "-name").Must(200, "Discontinue 2 products?", "<li>Desk</li>", "<li>Sofa</li>", "The catalog service ends")
	if n := b.events(); n != 3 {
		t.Fatalf("%d events before the confirmation", n)
	}
	if _, err := b.products.Patch(t.Context(), 3, product.Patch{Name: new("Couch")}, nil); err != nil {
		t.Fatal(err)
	}
	done := p.Do(http.MethodPost, "/products/do", question.Hidden())
	if done.To() != "/products?sort=-name" {
		t.Errorf("leads to %s", done.To())
	}
	p.Follow(done).Must(200, "1 product is discontinued. 1 product could not be discontinued: Couch was changed in the meantime.")
	for id, want := range map[int64]bool{1: true, 2: false, 3: false} {
		if got, err := b.products.Get(t.Context(), id); err != nil || got.Discontinued != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// An action on all products that match leaves the others alone, and asks again if the number has changed.
func TestActionOnAllProductsThatMatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk", "Lamp")
	b.create("Tea", "Green")
	p := b.SignIn(account.Editor)
	if _, err := b.products.Patch(t.Context(), 1, product.Patch{Discontinued: new(true)}, nil); err != nil {
		t.Fatal(err)
	}
	p.Post("/products/do", "action", "discontinue", "all", "on", "product_category", "Furniture").Must(200, "Discontinue 1 product?") // the other one is discontinued
	question := p.Post("/products/do", "action", "delete", "all", "on", "product_category", "Furniture").Must(200, "Delete 2 products?", "These are all products that match.</p>", "An event tells the other services about each product.", "deletes the entries of the products").Hidden()
	b.create("Furniture", "Sofa")
	question = p.Do(http.MethodPost, "/products/do", question).Must(200, "The number has changed in the meantime.", "Delete 3 products?").Hidden()
	p.Follow(p.Do(http.MethodPost, "/products/do", question)).Must(200, "3 products are deleted.")
	if rows := p.Get("/products").Rows(); fmt.Sprint(rows) != "[Green]" {
		t.Errorf("left: %q", rows)
	}
	p.Post("/products/do", "action", "discontinue", "all", "on").Must(200, "These are all products that match. Those that are discontinued already are left out.")
	p.Post("/products/do", "action", "discontinue", "all", "on", "state", "discontinued").Must(422, "There is nothing to do")
	if _, err := b.products.Get(t.Context(), 1); apperr.KindOf(err) != apperr.NotFound {
		t.Error(err)
	}
}

// A viewer sees everything, and is not offered what the role does not allow.
func TestViewerOfProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	p := b.SignIn(account.Viewer)
	for _, path := range []string{"/products", "/products/1"} {
		a := p.Get(path).Must(200, "Desk", "Furniture")
		for _, offer := range []string{"New product", `name="pick"`, "Delete", "Save", "<input type=\"checkbox\""} {
			if strings.Contains(a.Body, offer) {
				t.Errorf("%s offers %s", path, offer)
			}
		}
	}
	for _, path := range []string{"/products/new", "/products/1", "/products/1/delete", "/products/do"} {
		p.Post(path, "version", "1", "name", "x", "product_category", "x", "action", "delete", "pick", "1@1", "confirmed", "1").Must(403, "needs another role")
	}
	p.Get("/products/new").Must(403)
	if got, err := b.products.Get(t.Context(), 1); err != nil || got.Version != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

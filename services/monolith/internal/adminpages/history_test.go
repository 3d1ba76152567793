package adminpages_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// What a person changes on the admin pages is in the history, with the name of the user. The page of the product leads to it.
func TestHistoryOfAProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Editor)
	p.Post("/products/new", "name", "<b>Desk</b>", "product_category", "Furniture")
	p.Post("/products/1", "version", "1", "name", "Table", "product_category", "Furniture", "discontinued", "on")
	page := p.Get("/products/1").Must(200, ">History</a>")
	link := regexp.MustCompile(`href="/admin(/history/product/[0-9a-f-]{36}\?thing=1)"`).FindStringSubmatch(page.Body)
	if link == nil {
		t.Fatal("no link to the history: " + page.Body)
	}
	p.Get(link[1]).Must(200, "<h1>History of Table</h1>", `<a href="/admin/products/1">Back to the product</a>`)
	p.Post("/products/1/delete", "version", "2")
	history := p.Get(link[1]).Must(200, ">All products</a>", "Name: <del><bdi>&lt;b&gt;Desk&lt;/b&gt;</bdi></del> → <ins><bdi>Table</bdi></ins>", "Discontinued: <del><bdi>false</bdi></del>")
	var kinds []string
	row := regexp.MustCompile(`<bdi>user some-editor</bdi><small>cause: HTTP request [0-9a-f-]{36}</small></td><td role="cell">([a-z]+)<`)
	for _, found := range row.FindAllStringSubmatch(history.Body, -1) {
		kinds = append(kinds, found[1])
	}
	if !slices.Equal(kinds, []string{"deleted", "discontinued", "created"}) {
		t.Errorf("the user has made %v: %s", kinds, history.Body)
	}
	viewer := b.SignIn(account.Viewer)
	viewer.Get(link[1]).Must(200, "Table")
	events := regexp.MustCompile(`href="/admin(/journey/event\?event=[^"#]+)"`).FindAllStringSubmatch(history.Body, -1)
	if len(events) != 3 {
		t.Fatalf("the history leads to %q", events)
	}
	viewer.Get(events[2][1]).Must(200, "Product created, version 1</h1>", `"product_category": "Furniture"`, "Kafka has not confirmed the event yet.", ">History of this object</a>")
	viewer.Get(events[0][1]).Must(200, "Product deleted, version 3</h1>", "waits for version 1 of the same key")
	b.exec(`DELETE FROM outbox_pending; DELETE FROM outbox_event`) // as after OUTBOX_RETENTION
	viewer.Get(events[2][1]).Must(200, "No record of this event</h1>", "kept for 7 days at least")
}

// The history of what another service owns is there, and not here.
func TestNoHistoryOfEntries(t *testing.T) {
	t.Parallel()
	viewer := setup(t).SignIn(account.Viewer)
	for _, path := range []string{"/history/catalog-entry/1", "/history/market/NL", "/history/nonsense/1"} {
		viewer.Get(path).Must(404)
	}
}

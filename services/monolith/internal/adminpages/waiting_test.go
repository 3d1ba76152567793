package adminpages_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

// The list of entries shows the entries that the catalog has not created yet, or has refused lately, and leads to their requests.
func TestEntriesThatWaitForTheCatalog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk := b.create("Furniture", "Desk", "Lamp")[0]
	b.market("NL", "DE")
	p := b.SignIn(account.Editor)
	const title = "Waiting for the catalog service"
	if list := p.Get("/entries").Must(200); strings.Contains(list.Body, title) {
		t.Error("nothing waits: " + list.Body)
	}
	p.Post("/entries/new", "product", "1", "market", "1")
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Type: "/problems/invalid", Title: "Not valid", Status: 422, Detail: "It is <b>wrong</b>."}, nil)
	p.Post("/entries/new", "product", "2", "market", "2").Must(422)
	created := uuid.New()
	b.decides(catalogchange.Accepted, 1, nil, func() { b.entry(created, desk.UUID, "DE", 1, false, nil) })
	p.Post("/entries/new", "product", "1", "market", "2")
	b.owner.decide = nil
	p.Post("/entries/4", "version", "1", "availability_date", "2026-03-01") // a change of an entry that exists is no creation

	var pending, refused uuid.UUID
	b.row(&pending, `SELECT id FROM sent_request WHERE outcome IS NULL AND subject = id::text`)
	b.row(&refused, `SELECT id FROM sent_request WHERE outcome = 'refused'`)
	first := []string{
		title, `href="/admin/entries/1">Desk in Market NL</a>`, `<span class="state">pending</span>`, `href="/admin/change-requests/` + pending.String() + `">Request for entry 1</a>`,
	}
	second := []string{
		title, `href="/admin/entries/2">Lamp in Market DE</a>`, `<span class="state">refused</span>`, "Not valid: It is &lt;b&gt;wrong&lt;/b&gt;.", `href="/admin/change-requests/` + refused.String() + `">Request for entry 2</a>`,
	}
	viewer := b.SignIn(account.Viewer)
	for query, want := range map[string][][]string{
		"": {first, second}, "?product=1": {first, nil}, "?market=2": {nil, second}, "?product=2&market=1": {nil, nil},
	} {
		page := viewer.Get("/entries" + query).Must(200)
		for i, texts := range [][]string{first, second} {
			for _, text := range texts[1:] {
				if has := strings.Contains(page.Body, text); has != (want[i] != nil) {
					t.Errorf("/entries%s: %q is there: %v: %s", query, text, has, page.Body)
				}
			}
		}
	}
	p.Get("/entries/1").Must(200, "It is pending")
	b.exec(`UPDATE sent_request SET finished_at = now() - interval '25 hours' WHERE outcome = 'refused'`)
	page := p.Get("/entries").Must(200, title)
	if strings.Contains(page.Body, "Lamp") {
		t.Error("an old refusal is still there: " + page.Body)
	}
	b.exec(`INSERT INTO sent_request (id, topic, key, number, subject, body, created_at, expires_at)
		SELECT id, topic, key, 100 + n, id::text, body, created_at, expires_at
		FROM (SELECT ('0199d0a5-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid AS id, i AS n FROM generate_series(1, 60) i) AS new,
			(SELECT topic, key, body, created_at, expires_at FROM sent_request WHERE outcome IS NULL AND subject = id::text) AS old`)
	page = p.Get("/entries").Must(200, "All requests")
	if n := strings.Count(page.Body, "Request for entry"); n != 25 {
		t.Errorf("%d entries wait", n)
	}
}

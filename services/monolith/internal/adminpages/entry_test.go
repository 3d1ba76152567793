package adminpages_test

import (
	"context"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// applied applies the catalog's events and outcomes.
func (b *bundle) applied(ctx context.Context, do func(tx *store.EventTx) error) {
	b.Helper()
	if err := postgres.InTx(ctx, b.pool, func(tx pgx.Tx) error { return do(store.Bind(tx)) }); err != nil {
		b.Fatal(err)
	}
}

// market applies the copies of markets, which get the ids 1, 2 and so on.
func (b *bundle) market(codes ...string) {
	b.Helper()
	for _, code := range codes {
		b.applied(b.Context(), func(tx *store.EventTx) error {
			return catalogcopy.ApplyMarkets(b.Context(), tx, []catalogcopy.MarketChange{{
				ISOCode: code, Change: copyrow.Change{Version: 1, Time: time.Now()}, MarketData: catalogcopy.MarketData{Name: "Market " + code, UpdatedAt: time.Now()},
			}})
		})
	}
}

// entry applies a version of the copy of an entry.
func (b *bundle) entry(id, product uuid.UUID, market string, version int64, deleted bool, start *time.Time) {
	b.Helper()
	b.applied(b.Context(), func(tx *store.EventTx) error {
		return catalogcopy.ApplyEntries(b.Context(), tx, []catalogcopy.EntryChange{{
			ID: id, Change: copyrow.Change{Version: version, Time: time.Now(), Deleted: deleted},
			EntryData: catalogcopy.EntryData{Product: product, Market: market, Start: start, UpdatedAt: time.Now()},
		}})
	})
}

// decides lets the owner decide about each request while it is waited for.
func (b *bundle) decides(kind catalogchange.Kind, version int64, problem *catalogchange.Problem, then func()) {
	b.owner.decide = func(ctx context.Context, what, id string) error {
		if what != catalogchange.KindRequest {
			return nil
		}
		b.applied(ctx, func(tx *store.EventTx) error {
			return catalogchange.Apply(ctx, tx, []catalogchange.Decision{{
				Request: uuid.MustParse(id), Kind: kind, Version: version, Problem: problem,
			}})
		})
		if then != nil {
			then()
		}
		return nil
	}
}

var march = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Changes of entries are requests. The page says what the owner has decided, or that it has not answered yet.
func TestChangesOfEntriesAreRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Editor)
	p.Get("/entries/new").Must(200, "There is nothing to choose from yet.")
	desk := b.create("Furniture", "Desk")[0]
	b.market("NL", "DE")
	p.Get("/entries/new?find.product=x").Must(200, "Desk (Furniture)")
	p.Get("/entries/new/find/product?q=nothing").Must(200, "Nothing matches.")
	p.Get("/entries").Must(200, "There are no entries yet.", "A change here is a request: the owner decides about it.")
	p.Post("/entries/new").Must(422, `id="product-fault"><p>Must be chosen.`, `id="market-fault"><p>Must be chosen.`)
	p.Post("/entries/new", "find.product", "des", "find", "product").Must(200, "Desk (Furniture)", `value="1"`)
	p.Get("/entries/new/find/market?q=DE").Must(200, "Market DE (DE)")

	// Without an answer, the creation is pending.
	pending := p.Post("/entries/new", "product", "1", "market", "1", "availability_date", "2026-03-01", "do", "save")
	page := p.Follow(pending).Must(200, "has not answered yet", "<h1>Desk in Market NL</h1>", "The creation of this entry was asked for at", "It is pending: the catalog service has not decided yet.")
	if strings.Contains(page.Body, ">Save<") || strings.Contains(page.Body, "Delete…") {
		t.Errorf("an entry that does not exist can be changed: %s", page.Body)
	}
	// The owner refuses a creation: the form says why.
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{
		Status: 422, Detail: "The entry is not valid.", Faults: []catalogchange.Fault{{Pointer: "/availability_end_date", Detail: "must not be before availability_date"}},
	}, nil)
	p.Post("/entries/new", "product", "1", "market", "2", "availability_date", "2026-03-01", "availability_end_date", "2026-02-01").
		Must(422, `id="availability_end_date-fault"><p>Must not be before “First day”.`, `value="2026-03-01"`)
	refused := p.Get("/entries/2").Must(200, "and was refused: The entry is not valid. “Last day” must not be before “First day”.", "Market DE (DE)",
		`<a href="/admin/entries/new?availability_date=2026-03-01&amp;availability_end_date=2026-02-01&amp;market=2&amp;product=1">Ask again with other values</a>`)
	if strings.Contains(refused.Body, "Watch all changes") {
		t.Errorf("an entry that will never have an event has a way: %s", refused.Body)
	}
	p.Get("/entries/new?availability_date=2026-03-01&market=2&product=1").Must(200, `value="2026-03-01"`, `value="2" checked`, `value="1" checked`)
	if viewed := b.SignIn(account.Viewer).Get("/entries/2").Must(200, "was refused"); strings.Contains(viewed.Body, "Ask again") {
		t.Errorf("a viewer may not ask again: %s", viewed.Body)
	}
	// The owner creates an entry.
	id := uuid.New()
	b.entry(id, desk.UUID, "DE", 4, false, nil)
	p.Counted("/entries").Must(200, "<strong>1</strong> entry", ">Desk</a>", "Market DE")
	b.decides(catalogchange.Accepted, 5, nil, func() { b.entry(id, desk.UUID, "DE", 5, false, &march) })
	p.Follow(p.Post("/entries/3", "version", "4", "availability_date", "2026-03-01", "do", "continue")).Must(200, "The entry is saved: the catalog service has made the change.", `value="2026-03-01"`)
	// The owner knows a newer version than this service.
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Status: 412, Detail: "The entry is now at version 6."}, nil)
	p.Post("/entries/3", "version", "5", "availability_date", "2026-04-01").Must(409, "newer version, which has not arrived here", `value="2026-04-01"`)
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Status: 412, Detail: "The entry is now at version 6."}, func() { b.entry(id, desk.UUID, "DE", 6, false, nil) })
	p.Post("/entries/3", "version", "5", "was.availability_date", "2026-03-01", "availability_date", "2026-04-01").Must(409, "has changed in the meantime", "The entry was saved by another person or program while you edited it.", `value="2026-04-01" required>`)
	// Deletions: one, and some at once.
	b.decides(catalogchange.Accepted, 7, nil, func() { b.entry(id, desk.UUID, "DE", 7, true, nil) })
	p.Get("/entries/3/delete").Must(200, "This service asks the catalog service to delete the entry.")
	p.Follow(p.Post("/entries/3/delete", "version", "6")).Must(200, "The entry is deleted: the catalog service has made the change.", "There are no entries yet.")
	p.Get("/entries/3").Must(404)
}

// The pages of a refused creation and of its request lead only to what exists, also after the product is deleted.
func TestRefusedCreationOfADeletedProduct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	b.market("NL")
	p := b.SignIn(account.Editor)
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Status: 409, Detail: "There is already an entry."}, nil)
	p.Post("/entries/new", "product", "1", "market", "1").Must(409)
	p.Post("/products/1/delete", "version", "1")
	request := regexp.MustCompile(`/change-requests/[0-9a-f-]{36}`).FindString(p.Get("/change-requests").Must(200, "Create entry 1", "a deleted product in Market NL").Body)
	links := regexp.MustCompile(`href="/admin(/[^"]+)"`)
	for _, path := range []string{"/entries/1", request, "/entries"} {
		page := p.Get(path).Must(200, "a deleted product in Market NL")
		for _, link := range links.FindAllStringSubmatch(page.Body, -1) {
			if !strings.HasPrefix(link[1], "/messages") && !strings.HasPrefix(link[1], "/users") {
				p.Get(html.UnescapeString(link[1])).Must(200)
			}
		}
	}
	p.Get("/entries/1").Must(200, "1 (does not exist)")
	if page := p.Get(request); !strings.Contains(page.Body, `href="/admin/entries/1"`) || strings.Contains(page.Body, "/products/1") {
		t.Error(page.Body)
	}
}

// An entry that was created and deleted again has no page, so its request does not lead there.
func TestRequestOfADeletedEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk := b.create("Furniture", "Desk")[0]
	b.market("NL")
	p := b.SignIn(account.Editor)
	b.decides(catalogchange.Accepted, 1, nil, func() {
		var id uuid.UUID
		b.row(&id, `SELECT entry_id FROM legacy_catalog_id`)
		b.entry(id, desk.UUID, "NL", 1, false, nil)
	})
	p.Post("/entries/new", "product", "1", "market", "1")
	request := regexp.MustCompile(`/change-requests/[0-9a-f-]{36}`).FindString(p.Get("/change-requests").Body)
	p.Get(request).Must(200, `href="/admin/entries/1"`)
	var id uuid.UUID
	b.row(&id, `SELECT entry_id FROM legacy_catalog_id`)
	b.entry(id, desk.UUID, "NL", 2, true, nil)
	if page := p.Get(request).Must(200, "Create entry 1: Desk in Market NL", "The product"); strings.Contains(page.Body, `href="/admin/entries/1"`) {
		t.Error(page.Body)
	}
}

func TestDeleteSomeEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk := b.create("Furniture", "Desk")[0]
	b.market("NL", "DE")
	b.entry(uuid.New(), desk.UUID, "NL", 1, false, nil)
	b.entry(uuid.New(), desk.UUID, "DE", 1, false, nil)
	p := b.SignIn(account.Editor)
	question := p.Post("/entries/do", "action", "delete", "all", "on", "market", "1").Must(200, "Delete 1 entry?").Hidden()
	p.Follow(p.Do(http.MethodPost, "/entries/do", question)).Must(200, "1 entry is handed to the catalog service for deletion.")
	p.Get("/entries/1").Must(200, "The deletion of this entry was asked for at", "It is pending")
	for query, want := range map[string]int{"": 2, "?market=1": 1, "?market=x": 0, "?product=1": 2, "?product=9": 0, "?sort=id": 2, "?sort=-iso_code": 2, "?q=market&sort=iso_code": 2} {
		if got := len(p.Get("/entries" + query).Must(200).Rows()); got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
	p.Get("/entries?market=1&product=1").Must(200, "Product: Desk (Furniture)", "Market: Market NL")
}

// A request has the version that the person has seen, so that the owner changes no other one.
func TestRequestsHaveTheVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk := b.create("Furniture", "Desk")[0]
	b.market("NL")
	b.entry(uuid.New(), desk.UUID, "NL", 4, false, nil)
	p := b.SignIn(account.Editor)
	p.Follow(p.Post("/entries/1", "version", "4", "availability_date", "2026-03-01", "do", "continue")).Must(200, "has not answered yet")
	p.Follow(p.Post("/entries/1/delete", "version", "4")).Must(200, "has not answered yet")
	p.Follow(p.Post("/entries/do", "action", "delete", "pick", "1@4", "confirmed", "1")).Must(200, "1 entry is handed to the catalog service")
	var versions string
	b.row(&versions, `SELECT string_agg(convert_from(payload, 'UTF8')::json->'data'->>'if_match', ' ' ORDER BY seq) FROM outbox_event`)
	if versions != "[4] [4] [4]" {
		t.Errorf("the requests are for the versions %s", versions)
	}
}

// Copies of markets can only be read, by everybody.
func TestMarketsAreCopies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL", "DE")
	p := b.SignIn(account.Admin)
	list := p.Get("/markets?q=nl").Must(200, "The catalog service owns the markets.", "They can only be read here.", "Market NL")
	item := p.Get("/markets/2").Must(200, "Market DE", `href="/admin/entries?market=2"`)
	for _, a := range []string{list.Body, item.Body} {
		if strings.Contains(a, "New market") || strings.Contains(a, `name="pick"`) || strings.Contains(a, "Delete") || strings.Contains(a, ">Save<") {
			t.Errorf("a copy can be changed: %s", a)
		}
	}
	p.Get("/markets/3").Must(404)
	for _, path := range []string{"/markets/new", "/markets/do", "/markets/1", "/markets/1/delete"} {
		if a := p.Post(path, "version", "1"); a.Status < 400 {
			t.Errorf("POST %s is %d", path, a.Status)
		}
	}
}

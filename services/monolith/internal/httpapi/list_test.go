package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

func (s *server) create(name, category string) {
	s.T.Helper()
	s.Post("/api/v1/product", fmt.Sprintf(`{"name":%q,"product_category":%q}`, name, category)).Must(http.StatusCreated)
}

func TestPagesOverConcurrentInserts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 10 {
		s.create(fmt.Sprintf("item %d", i), "even & odd")
	}
	s.create("other", "else")
	// Items that are added or deleted before and after the cursor must not repeat or hide other items.
	for _, sort := range []string{"name", "-name", "id", "-id", "product_category", "updated_at", "-updated_at"} {
		path := "/api/v1/product?limit=3&search=ITEM&product_category=even+%26+odd&sort=" + sort
		var names []string
		for page := 0; path != ""; page++ {
			r := s.Get(path).Must(http.StatusOK)
			names = append(names, strings.Split(strings.ReplaceAll(r.Names(" "), "item ", ""), " ")...)
			s.create(fmt.Sprintf("item 5 and %d %s", page, sort), "elsewhere")
			if path = r.Next(); path != "" {
				q, err := url.Parse(path)
				if err != nil || q.Query().Get("search") != "ITEM" || q.Query().Get("product_category") != "even & odd" ||
					q.Query().Get("sort") != sort || q.Query().Get("limit") != "3" || q.Path != "/api/v1/product" {
					t.Fatalf("next %s", path)
				}
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, ""); got != "0123456789" {
			t.Errorf("%s: pages hold %s", sort, got)
		}
	}
}

func TestPagesWhileThingsGo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		s.create(name, "x")
	}
	first := s.Get("/api/v1/product?limit=2&sort=name").Must(http.StatusOK)
	s.Delete("/api/v1/product/2").Must(http.StatusNoContent) // b, the last item before the cursor
	s.create("aa", "x")                                      // before the cursor
	s.create("bb", "x")                                      // after the cursor
	second := s.Get(first.Next()).Must(http.StatusOK)
	third := s.Get(second.Next()).Must(http.StatusOK)
	if got := first.Names(" ") + "|" + second.Names(" ") + "|" + third.Names(" "); got != "a b|bb c|d e" || third.Next() != "" {
		t.Errorf("pages %s, then %s", got, third.Next())
	}
}

func TestCursorBelongsToItsFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, name := range []string{"a", "b", "c"} {
		s.create(name, "x")
	}
	next, err := url.Parse(s.Get("/api/v1/product?limit=1&product_category=x").Must(http.StatusOK).Next())
	if err != nil {
		t.Fatal(err)
	}
	cursor := url.QueryEscape(next.Query().Get("cursor"))
	for path, status := range map[string]int{
		"/api/v1/product?product_category=x&limit=2&cursor=":                            200, // the size of the page may change
		"/api/v1/product?product_category=x&cursor=":                                    200,
		"/api/v1/product?product_category=x&sort=id&include_discontinued=false&cursor=": 200, // the same query, written differently
		"/api/v1/product?cursor=":                                                       400,
		"/api/v1/product?product_category=y&cursor=":                                    400,
		"/api/v1/product?product_category=x&search=a&cursor=":                           400,
		"/api/v1/product?product_category=x&include_discontinued=true&cursor=":          400,
		"/api/v1/product?product_category=x&sort=name&cursor=":                          400,
		"/api/v1/product?product_category=x&sort=-id&cursor=":                           400,
		"/api/v1/catalog?cursor=":                                                       400,
	} {
		r := s.Get(path + cursor)
		if status == 400 {
			r.Problem(400, "malformed")
		} else if r.Must(200); !strings.HasPrefix(r.Names(" "), "b") {
			t.Errorf("%s continues with %s", path, r.Names(" "))
		}
	}
}

func TestEverythingWithoutLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if r := s.Get("/api/v1/product").Must(http.StatusOK); strings.TrimSpace(r.Text) != "[]" {
		t.Errorf("nothing is %s", r.Text)
	}
	const many = keyset.Page + 3
	s.createMany(many)
	r := s.Get("/api/v1/product?sort=-id").Must(http.StatusOK)
	if list := r.List(); len(list) != many || list[0]["id"] != float64(many) || list[many-1]["id"] != 1.0 || r.Header("Link") != "" {
		t.Errorf("%d of %d products, Link %s", len(list), many, r.Header("Link"))
	}
	if r := s.Get("/api/v1/product?limit=200").Must(http.StatusOK); len(r.List()) != 200 || r.Next() == "" {
		t.Errorf("%d of 200 products, next %s", len(r.List()), r.Next())
	}
	if r.Header("ETag") != "" {
		t.Error("a list has an ETag")
	}
}

// TestStreamed: a long list has no Content-Length, because it is written while it is read. The server here does not validate
// answers, because validation would hold the answer back.
func TestStreamed(t *testing.T) {
	t.Parallel()
	s := serveWith(t, setup(t).pool, nil)
	s.createMany(keyset.Page + keyset.Page/2)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/product", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ContentLength != -1 || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("length %d, %v", res.ContentLength, res.Header)
	}
	var items []map[string]any
	if err := json.NewDecoder(res.Body).Decode(&items); err != nil || len(items) != keyset.Page+keyset.Page/2 {
		t.Errorf("%d items, %v", len(items), err)
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create("100%", "x")
	s.create("a_b", "y")
	s.create("Ä", "x")
	s.Post("/api/v1/product", `{"name":"old","product_category":"x","discontinued":true}`).Must(http.StatusCreated)
	for query, want := range map[string]string{
		"":                                   "100% a_b Ä",
		"include_discontinued=true":          "100% a_b Ä old",
		"product_category=x":                 "100% Ä",
		"search=%25":                         "100%",
		"search=_":                           "a_b",
		"search=%C3%A4":                      "Ä",
		"search=":                            "100% a_b Ä",
		"search=nothing":                     "",
		"sort=-name":                         "Ä a_b 100%",
		"sort=product_category&limit=2":      "100% Ä",
		"sort=-product_category":             "a_b Ä 100%",
		"search=O&include_discontinued=true": "old",
	} {
		if got := s.Get("/api/v1/product?" + query).Must(http.StatusOK).Names(" "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestLegacyCatalog(t *testing.T) {
	t.Parallel()
	s := setup(t)
	p := s.Post("/api/v1/product", chair).Must(http.StatusCreated).Object()
	id, product := uuid.New(), uuid.MustParse(p["product_uuid"].(string))
	s.apply(func(tx catalogcopy.Tx) error {
		for i, code := range []string{"NL", "BE"} {
			market := catalogcopy.MarketChange{ISOCode: code, Change: copyrow.Change{Version: 1, Time: noon},
				MarketData: catalogcopy.MarketData{Name: []string{"Netherlands", "Belgium"}[i], UpdatedAt: noon}}
			if err := catalogcopy.ApplyMarkets(t.Context(), tx, []catalogcopy.MarketChange{market}); err != nil {
				return err
			}
			entry := catalogcopy.EntryChange{ID: id, Change: copyrow.Change{Version: 3, Time: noon},
				EntryData: catalogcopy.EntryData{Product: product, Market: code, Start: &day, UpdatedAt: noon}}
			if err := catalogcopy.ApplyEntries(t.Context(), tx, []catalogcopy.EntryChange{entry}); err != nil {
				return err
			}
			id = uuid.New()
		}
		return nil
	})
	r := s.Get("/api/v1/catalog/1").Must(http.StatusOK)
	want := `{"availability_date":"2026-11-23","availability_end_date":null,"id":1,"market":1,"product":1,"updated_at":"2026-11-23T12:00:00.000000Z"}`
	if strings.TrimSpace(r.Text) != want || r.Header("ETag") != `"3"` {
		t.Errorf("entry %s, ETag %s", r.Text, r.Header("ETag"))
	}
	s.Get("/api/v1/catalog/1", "If-None-Match", `"3"`).Must(http.StatusNotModified)
	for query, want := range map[string]int{"": 2, "product=1": 2, "market=2": 1, "product=1&market=2": 1, "product=7": 0, "sort=-updated_at": 2} {
		if got := len(s.Get("/api/v1/catalog?" + query).Must(http.StatusOK).List()); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	page := s.Get("/api/v1/catalog?limit=1&product=1").Must(http.StatusOK)
	if rest := s.Get(page.Next()).Must(http.StatusOK); rest.List()[0]["id"] != 2.0 || rest.Next() != "" {
		t.Errorf("second page %s", rest.Text)
	}
	markets := s.Get("/api/v1/market?sort=iso_code").Must(http.StatusOK)
	if got := markets.Names(" "); got != "Belgium Netherlands" || markets.List()[0]["id"] != 2.0 {
		t.Errorf("markets %s", markets.Text)
	}
	if got := s.Get("/api/v1/market?search=LAND").Must(http.StatusOK).Names(" "); got != "Netherlands" {
		t.Errorf("search gave %s", got)
	}
}

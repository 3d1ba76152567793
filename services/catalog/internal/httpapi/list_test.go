package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func (s *server) createMarket(isoCode, name string) {
	s.T.Helper()
	s.Post(markets, fmt.Sprintf(`{"iso_code":%q,"name":%q}`, isoCode, name)).Must(http.StatusCreated)
}

func TestPagesOverConcurrentInserts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 10 {
		s.createMarket(fmt.Sprintf("B%c", 'A'+i), fmt.Sprintf("item & %d", i))
	}
	// Items that are added or deleted before and after the cursor must not repeat or hide other items.
	for n, sort := range []string{"name", "-name", "iso_code", "-iso_code", "updated_at", "-updated_at"} {
		path := markets + "?limit=3&search=ITEM+%26&sort=" + sort
		var names []string
		for page := 0; path != ""; page++ {
			r := s.Get(path).Must(http.StatusOK)
			names = append(names, strings.Split(strings.ReplaceAll(r.Names("|"), "item & ", ""), "|")...)
			s.createMarket(fmt.Sprintf("%c%c", 'D'+n, 'A'+page), "another")
			if path = r.Next(); path != "" {
				q, err := url.Parse(path)
				if err != nil || q.Query().Get("search") != "ITEM &" || q.Query().Get("sort") != sort ||
					q.Query().Get("limit") != "3" || q.Path != markets {
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

func TestCursorBelongsToItsFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i, code := range []string{"AA", "BB", "CC"} {
		s.createMarket(code, fmt.Sprintf("x%d", i))
	}
	next, err := url.Parse(s.Get(markets + "?limit=1&search=x").Must(http.StatusOK).Next())
	if err != nil {
		t.Fatal(err)
	}
	cursor := url.QueryEscape(next.Query().Get("cursor"))
	for query, status := range map[string]int{
		markets + "?search=x&limit=2&cursor=":        200, // the size of the page may change
		markets + "?search=x&sort=iso_code&cursor=":  200, // the same query, written differently
		markets + "?cursor=":                         400,
		markets + "?search=X&cursor=":                400,
		markets + "?search=x&sort=name&cursor=":      400,
		markets + "?search=x&sort=-iso_code&cursor=": 400,
		entries + "?cursor=":                         400,
		products + "?search=x&cursor=":               400,
	} {
		r := s.Get(query + cursor)
		if status == 400 {
			r.Problem(400, "malformed")
		} else if r.Must(200); !strings.HasPrefix(r.Names("|"), "x1") {
			t.Errorf("%s continues with %s", query, r.Names("|"))
		}
	}
}

func TestDefaultLimit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if r := s.Get(markets).Must(http.StatusOK); strings.TrimSpace(r.Text) != "[]" || r.Header("Link") != "" {
		t.Errorf("nothing is %s", r.Text)
	}
	const many = 53
	for i := range many {
		s.createMarket(fmt.Sprintf("%c%c", 'A'+i/26, 'A'+i%26), fmt.Sprint(i))
	}
	r := s.Get(markets).Must(http.StatusOK)
	if len(r.List()) != 50 || r.Next() == "" || r.Header("ETag") != "" {
		t.Errorf("%d items, next %q, ETag %s", len(r.List()), r.Next(), r.Header("ETag"))
	}
	if rest := s.Get(r.Next()).Must(http.StatusOK); len(rest.List()) != 3 || rest.Next() != "" {
		t.Errorf("%d more, next %q", len(rest.List()), rest.Next())
	}
	if all := s.Get(markets + "?limit=200").Must(http.StatusOK); len(all.List()) != many || all.Next() != "" {
		t.Errorf("%d of %d", len(all.List()), many)
	}
	if exact := s.Get(markets + "?limit=53").Must(http.StatusOK); len(exact.List()) != many || exact.Next() != "" {
		t.Errorf("%d of %d, next %q", len(exact.List()), many, exact.Next())
	}
}

func TestEntryFilters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	s.createMarket("BE", "Belgium")
	chair, stool := s.product("Chair"), s.product("Stool")
	for _, e := range []string{
		fmt.Sprintf(`{"product":"%s","market":"NL","availability_date":"2026-03-01","availability_end_date":"2026-03-31"}`, chair),
		fmt.Sprintf(`{"product":"%s","market":"BE"}`, chair),
		fmt.Sprintf(`{"product":"%s","market":"NL","availability_date":"2026-03-31"}`, stool),
	} {
		s.Post(entries, e).Must(http.StatusCreated)
	}
	for query, want := range map[string]int{
		"": 3, "product=" + chair.String(): 2, "market=NL": 2, "market=NL&product=" + stool.String(): 1, "market=XX": 0,
		"available_on=2026-02-28": 0, "available_on=2026-03-01": 1, "available_on=2026-03-31": 2, "available_on=2026-04-01": 1,
		"available_on=2026-03-31&product=" + stool.String(): 1, "sort=-updated_at&limit=2": 2,
	} {
		if got := len(s.Get(entries + "?" + query).Must(http.StatusOK).List()); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	page := s.Get(entries + "?limit=1&available_on=2026-03-31&sort=-updated_at").Must(http.StatusOK)
	rest := s.Get(page.Next()).Must(http.StatusOK)
	if page.List()[0]["product"] != stool.String() || rest.List()[0]["product"] != chair.String() || rest.Next() != "" {
		t.Errorf("pages %s and %s", page.Text, rest.Text)
	}
}

// TestForgedCursor: a cursor is not signed, so a client can put any position into it.
func TestForgedCursor(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	s.createMarket("BE", "Belgium")
	s.product("Chair")
	s.product("Stool")
	for _, path := range []string{markets + "?sort=", products + "?sort=", entries + "?sort="} {
		for _, sort := range []string{"name", "-name", "updated_at", "-updated_at", "id", "iso_code", "product_category"} {
			r := s.Get(path + sort + "&limit=1")
			if r.Status == http.StatusUnprocessableEntity || r.Next() == "" {
				continue // this list does not have this order, or has no next page
			}
			next, err := url.Parse(r.Next())
			if err != nil {
				t.Fatal(err)
			}
			query := next.Query()
			for _, position := range forged() {
				query.Set("cursor", forge(t, query.Get("cursor"), position))
				if r := s.Get(next.Path + "?" + query.Encode()); r.Status != http.StatusOK && r.Status != http.StatusBadRequest {
					t.Errorf("%s%s, %s: %d %s", path, sort, position, r.Status, r.Text)
				}
			}
		}
	}
}

func forged() []string {
	var list []string
	for _, id := range []string{`"NL"`, `"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"`, `"\u0000"`} {
		for _, more := range []string{``, `,"Text":"a"`, `,"Time":"2026-03-01T00:00:00Z"`, `,"Text":"a","Time":"9999-12-31T23:59:59Z"`, `,"Time":"0000-01-01T00:00:00Z"`} {
			list = append(list, `{"ID":`+id+more+`}`)
		}
	}
	return list
}

// forge replaces the position in a cursor.
func forge(t *testing.T, cursor, position string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	c["p"] = json.RawMessage(position)
	if text, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

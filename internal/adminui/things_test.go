package adminui_test

import (
	"context"
	"errors"
	"html"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
)

// hostile is a text that tries to leave its place in a page, a header, or a table.
const hostile = `<b onclick="x()">"thing'</b>` + "\r\nSet-Cookie: a=b"

// faults are the errors of the service for some names.
var faults = map[string]*apperr.Error{
	"locked": apperr.New(apperr.Unavailable, "Other changes are in progress."),
	"full":   {Kind: apperr.Unavailable, Detail: "The database has no room.", OwnFault: true},
}

// things is a resource with one thing, which is never changed.
func things() adminui.Resource {
	get := func(_ context.Context, id string) (adminui.Item, error) {
		if id != "1" {
			return adminui.Item{}, apperr.New(apperr.NotFound, "There is no thing "+id+".")
		}
		return adminui.Item{ID: "1", Key: "key-1", Title: hostile, Version: 3, Values: adminui.Values{"name": hostile, "kind": "a"}, Facts: []adminui.Fact{{Name: "Name", Cell: adminui.Cell{Code: hostile}}}}, nil
	}
	save := func(values adminui.Values) (adminui.Saved, error) {
		if values["name"] == "" {
			return adminui.Saved{}, apperr.InvalidFields("The thing is not valid.", apperr.FieldError{Pointer: "/name", Detail: "must not be blank"}, apperr.FieldError{Pointer: "/other", Detail: "is " + hostile})
		}
		if fault := faults[values["name"]]; fault != nil {
			return adminui.Saved{}, fault
		}
		return adminui.Saved{ID: "1", Note: "Saved " + values["name"], Pending: values["name"] == "pending"}, nil
	}
	remove := func(ctx context.Context, id string, _ int64) (adminui.Saved, error) {
		_, err := get(ctx, id)
		return adminui.Saved{ID: "1"}, err
	}
	kinds := func(context.Context, string) ([]adminui.Choice, error) {
		return []adminui.Choice{{Value: "a", Title: hostile}}, nil
	}
	return adminui.Resource{
		Path: "things", Model: "product", Topic: orders, One: "thing", Many: "things", About: "Things.", Search: "the names", Sort: "name",
		Columns: []adminui.Column{{Title: "Name", Sort: "name"}},
		Filters: []adminui.Filter{{Name: "size", Title: "Size", Fixed: []adminui.Choice{{Value: "s", Title: "Small"}}}, {Name: "kind", Title: "Kind", Choices: func(ctx context.Context) ([]adminui.Choice, error) { return kinds(ctx, "") }}},
		Rows: func(_ context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
			if _, err := adminui.After[int](q); err != nil {
				return adminui.NoRows(err)
			}
			return func(yield func(adminui.Row, error) bool) {
				yield(adminui.Row{ID: "1", Version: 3, Cells: []adminui.Cell{{Text: hostile}}, Position: 1}, nil)
			}
		},
		Count: func(_ context.Context, queries []adminui.Query, _ int) ([]int, error) { return nil, nil },
		Get:   get,
		Fields: []adminui.Field{
			{Name: "name", Title: "Name", Kind: adminui.TextField},
			{Name: "kind", Title: "Kind", Kind: adminui.PickField, Find: kinds, Label: func(context.Context, string) (string, error) { return hostile, nil }},
		},
		Create:  func(_ context.Context, v adminui.Values) (adminui.Saved, error) { return save(v) },
		Change:  func(_ context.Context, _ string, _ int64, v adminui.Values) (adminui.Saved, error) { return save(v) },
		Delete:  remove,
		Follows: func(context.Context, string) ([]string, error) { return []string{hostile}, nil },
		Actions: []adminui.Action{{Name: "burn", Title: "Burn", Done: "burnt", Do: func(context.Context, string, int64) error { return apperr.New(apperr.Conflict, hostile) }}, {Name: "stop", Title: "Stop", Done: "stopped", Do: func(_ context.Context, _ string, version int64) error {
			return map[int64]error{4: apperr.New(apperr.Unavailable, "The database is away."), 5: errors.New("a fault")}[version]
		}}},
	}
}

// No text from outside becomes markup, a header, or a formula.
func TestTextsStayTexts(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	pages := map[string]answer{
		"list": b.get("/things?q=" + "%3Cb+onclick"), "filtered": b.get("/things?kind=a&cursor="), "other kind": b.get("/things?kind=%3Cb+onclick%3E"),
		"item": b.get("/things/1"), "new": b.get("/things/new?name=%3Cb+onclick%3E"), "delete": b.get("/things/1/delete"), "choices": b.get("/things/new/find/kind?q=x"),
		"faults":   b.post("/things/new", "name", "", "kind", hostile),
		"conflict": b.post("/things/1", "version", "1", "name", hostile+"2", "was.name", hostile+"3"),
		"confirm":  b.post("/things/do", "action", "burn", "pick", "1@3", "kind", "<b onclick>"),
		"saved":    b.post("/things/new", "name", hostile, "do", "continue"), "note": b.get("/things"),
		"done": b.post("/things/do", "action", "burn", "pick", "1@3", "confirmed", "1"), "failed": b.get("/things"),
	}
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|style="|<[^>]*\son[a-z]+=|javascript:|<b[ >]`)
	value := regexp.MustCompile(`"[^"]*"`)
	for name, a := range pages {
		if a.status >= http.StatusInternalServerError || a.status == http.StatusNotFound || a.header.Get("Set-Cookie") == "a=b" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
		if found := inline.FindString(value.ReplaceAllString(a.body, `""`)); found != "" {
			t.Errorf("%s has %q: %s", name, found, a.body)
		}
		if !strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'self'; style-src 'self'") {
			t.Errorf("%s has the policy %q", name, a.header.Get("Content-Security-Policy"))
		}
	}
	if to := pages["saved"].to(); to != "/admin/things/1" {
		t.Errorf("leads to %q", to)
	}
	csv := b.get("/things.csv")
	if want := "Name\n\"<b onclick=\"\"x()\"\">\"\"thing'</b>\r\nSet-Cookie: a=b\"\n"; csv.body != want {
		t.Errorf("the export is %q, want %q", csv.body, want)
	}
}

// The note about a saved thing leads to it, once, unless the page already shows the thing.
func TestTheNoteLeadsToTheThing(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b := s.signedIn("edith")
	const link = `<a href="/shop/admin/things/1">Open it</a>`
	for button, want := range map[string]bool{"save": true, "another": true, "continue": false} {
		to := b.post("/things/new", "name", "lamp", "do", button).to()
		if page := b.do(http.MethodGet, to, ""); !strings.Contains(page.body, "Saved lamp") || strings.Contains(page.body, link) != want {
			t.Errorf("%s: the link is there: %t, want %t\n%s", button, !want, want, page.body)
		}
		if page := b.get("/things"); strings.Contains(page.body, link) {
			t.Errorf("%s: the link is still there", button)
		}
	}
	for _, list := range []string{"", "kind=a"} {
		to := b.post("/things/1/delete", "version", "3", "list", list).to()
		if page := b.do(http.MethodGet, to, ""); !strings.Contains(page.body, "The thing is deleted.") || strings.Contains(page.body, link) {
			t.Errorf("after a deletion, in the list %q: %s", list, page.body)
		}
	}
	for name, tt := range map[string]struct {
		form []string
		want bool
	}{
		"a filtered list":    {[]string{"name", "lamp", "list", "kind=a"}, true},
		"pending, to add":    {[]string{"name", "pending", "do", "another"}, false},
		"pending, with list": {[]string{"name", "pending", "do", "save", "list", "kind=a"}, false},
	} {
		to := b.post("/things/new", tt.form...).to()
		if page := b.do(http.MethodGet, to, ""); !strings.Contains(page.body, "Saved "+tt.form[1]) || strings.Contains(page.body, link) != tt.want {
			t.Errorf("%s: the link is there: %t, want %t\n%s", name, !tt.want, tt.want, page.body)
		}
	}
}

// Requests that no page sends get an answer, and change nothing.
func TestOddRequestsToLists(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	if a := b.get("/things?cursor=x"); !strings.Contains(a.body, "Begin at the first page of the list.") {
		t.Errorf("a broken cursor: %s", a.body)
	}
	for name, tt := range map[string]struct {
		a    answer
		want int
	}{
		"no thing":           {b.get("/things/2"), 404},
		"no thing to delete": {b.post("/things/2/delete"), 404},
		"no field":           {b.get("/things/new/find/name"), 404},
		"no cursor":          {b.get("/things?cursor=x"), 400},
		"no version":         {b.post("/things/1", "name", "x"), 409},
		"no form":            {b.do(http.MethodPost, "/admin/things/new", "name=%zz"), 400},
		"no selection":       {b.post("/things/do", "action", "burn", "pick", "1"), 400},
		"other method":       {b.do(http.MethodPut, "/admin/things/1", "name=x"), 405},
		"a method of a list": {b.post("/things"), 405},
	} {
		if tt.a.status != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, tt.a.status, tt.want, tt.a.body)
		}
	}
}

// An action that cannot go on says what it has done.
func TestActionsThatEndEarly(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	for name, tt := range map[string]struct {
		picks  []string
		status int
		note   string
	}{
		"away at once":  {[]string{"1@4", "1@3"}, http.StatusServiceUnavailable, ""},
		"fault at once": {[]string{"1@5", "1@3"}, http.StatusInternalServerError, ""},
		"away later":    {[]string{"1@3", "1@4", "1@3"}, http.StatusSeeOther, "1 thing is stopped. Then the service could not go on."},
		"fault later":   {[]string{"1@3", "1@3", "1@5"}, http.StatusSeeOther, "2 things are stopped. Then the service could not go on."},
	} {
		form := url.Values{"action": {"stop"}, "pick": tt.picks, "confirmed": {strconv.Itoa(len(tt.picks))}}
		a := b.do(http.MethodPost, "/admin/things/do", form.Encode())
		if a.status != tt.status || (a.header.Get("Retry-After") != "") != (tt.status == http.StatusServiceUnavailable) {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
		if shown := b.get("/things"); !strings.Contains(shown.body, tt.note) {
			t.Errorf("%s: %s", name, shown.body)
		}
	}
}

// A person who comes from a filtered list goes back to it. The filters fill in the form of a new thing.
func TestListsAreKept(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	const list = "kind=a&q=x+%26+y"
	item := "/admin/things/1?list=" + url.QueryEscape(list)
	shown := b.get("/things?" + list + "&other=1").body
	for _, link := range []string{item, "/admin/things/new?list=" + url.QueryEscape(list) + "&amp;kind=a&amp;"} {
		if !strings.Contains(strings.ToLower(shown), `href="`+strings.ToLower(link)+`"`) {
			t.Errorf("the list has no link %s: %s", link, shown)
		}
	}
	back := `href="/admin/things?kind=a&amp;q=x&#43;%26&#43;y"`
	page := b.do(http.MethodGet, item, "")
	if !strings.Contains(page.body, back) || page.hidden().Get("list") != list {
		t.Errorf("the page of a thing: %q %s", page.hidden(), page.body)
	}
	removal := b.get("/things/1/delete?list=" + url.QueryEscape(list))
	if removal.hidden().Get("list") != list || !strings.Contains(html.UnescapeString(removal.body), `href="`+item+`"`) {
		t.Errorf("the page for the deletion: %s", removal.body)
	}
	if conflict := b.post("/things/1", "version", "1", "name", "y", "list", list); conflict.hidden().Get("list") != list {
		t.Errorf("the conflict: %s", conflict.body)
	}
	for name, tt := range map[string]struct {
		a  answer
		to string
	}{
		"save":          {b.post("/things/1", "version", "3", "name", "y", "do", "save", "list", list), "/admin/things?" + list},
		"add another":   {b.post("/things/1", "version", "3", "name", "y", "do", "another", "list", list), "/admin/things/new?list=" + url.QueryEscape(list)},
		"continue":      {b.post("/things/1", "version", "3", "name", "y", "do", "continue", "list", list), item},
		"create":        {b.post("/things/new", "name", "y", "list", list), "/admin/things?" + list},
		"delete":        {b.post("/things/1/delete", "version", "3", "list", list), "/admin/things?" + list},
		"no list":       {b.post("/things/1/delete", "version", "3"), "/admin/things"},
		"another query": {b.post("/things/1/delete", "version", "3", "list", "//evil.example/?next=//evil.example&%zz"), "/admin/things"},
	} {
		if tt.a.status != http.StatusSeeOther || tt.a.to() != tt.to {
			t.Errorf("%s: %d to %q, want %q", name, tt.a.status, tt.a.to(), tt.to)
		}
	}
}

// A page is compressed for browsers that accept that, and small.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("vic")
	b.header.Set("Accept-Encoding", "gzip")
	a := b.get("/things")
	if a.header.Get("Content-Encoding") != "gzip" || !slices.Contains(a.header.Values("Vary"), "Accept-Encoding") || len(a.body) > 15_000 {
		t.Errorf("%d bytes, %v", len(a.body), a.header)
	}
	first := len(a.body)
	for _, asset := range regexp.MustCompile(`(?:href|src)="(/admin/assets/[^"]+)"`).FindAllStringSubmatch(s.signedIn("edith").get("/things").body, -1) {
		first += len(b.do(http.MethodGet, asset[1], "").body)
	}
	if first > 60_000 {
		t.Errorf("the first page has %d bytes", first)
	}
}

// A list ignores a value in its address that no choice of a filter has. An action on all that match must not have such a value either.
func TestUnknownValuesOfFilters(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
	for value, want := range map[string]string{"s": "Size: Small", "xl": ""} {
		shown := b.get("/things?size=" + value)
		if shown.status != http.StatusOK || strings.Contains(shown.body, "Size: ") != (want != "") || !strings.Contains(shown.body, want) {
			t.Errorf("%s: %d %s", value, shown.status, shown.body)
		}
		if asked := b.post("/things/do", "action", "burn", "pick", "1@3", "size", value); asked.hidden().Has("size") != (want != "") {
			t.Errorf("%s: the question has %q", value, asked.hidden())
		}
	}
}

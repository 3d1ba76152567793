package adminui_test

import (
	"context"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
)

// hostile is a text that tries to leave its place in a page, a header, or a table.
const hostile = `<b onclick="x()">"thing'</b>` + "\r\nSet-Cookie: a=b"

// things is a resource with one thing, which is never changed.
func things() adminui.Resource {
	get := func(_ context.Context, id string) (adminui.Item, error) {
		if id != "1" {
			return adminui.Item{}, apperr.New(apperr.NotFound, "There is no thing "+id+".")
		}
		return adminui.Item{ID: "1", Title: hostile, Version: 3, Values: adminui.Values{"name": hostile, "kind": "a"}, Facts: []adminui.Fact{{Name: "Name", Cell: adminui.Cell{Code: hostile}}}}, nil
	}
	save := func(values adminui.Values) (adminui.Saved, error) {
		if values["name"] == "" {
			return adminui.Saved{}, apperr.InvalidFields("The thing is not valid.", apperr.FieldError{Pointer: "/name", Detail: "must not be blank"}, apperr.FieldError{Pointer: "/other", Detail: "is " + hostile})
		}
		return adminui.Saved{ID: "1", Note: "Saved " + values["name"]}, nil
	}
	remove := func(ctx context.Context, id string, _ int64) (adminui.Saved, error) {
		_, err := get(ctx, id)
		return adminui.Saved{ID: "1"}, err
	}
	kinds := func(context.Context, string) ([]adminui.Choice, error) {
		return []adminui.Choice{{Value: "a", Title: hostile}}, nil
	}
	return adminui.Resource{
		Path: "things", One: "thing", Many: "things", About: "Things.", Search: "the names", Sort: "name",
		Columns: []adminui.Column{{Title: "Name", Sort: "name"}},
		Filters: []adminui.Filter{{Name: "kind", Title: "Kind", Choices: func(ctx context.Context) ([]adminui.Choice, error) { return kinds(ctx, "") }}},
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
		Actions: []adminui.Action{{Name: "burn", Title: "Burn", Done: "burnt", Do: func(context.Context, string, int64) error { return apperr.New(apperr.Conflict, hostile) }}},
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
}

// Requests that no page sends get an answer, and change nothing.
func TestOddRequestsToLists(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("edith")
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
		"other method":       {b.do(http.MethodPut, "/admin/things/1", "name=x"), 404},
		"a method of a list": {b.post("/things"), 404},
	} {
		if tt.a.status != tt.want {
			t.Errorf("%s: %d, want %d: %s", name, tt.a.status, tt.want, tt.a.body)
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

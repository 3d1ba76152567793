package apiclient_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

func TestNextPage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                                    "",
		`</p?cursor=abc&limit=2>; rel="next"`: "abc",
		`</p?cursor=abc>; title="a, b"; REL=next`:                                "abc",
		`</first>; rel="first", </p?cursor=a%2Bb>; rel="prefetch NEXT"`:          "a+b",
		`</p?cursor=no>; rel="prev", </p?cursor=yes,2>; title="x"; rel="next"`:   "yes,2",
		`</p?cursor=no>; title="; rel=next"; rel="prev"`:                         "",
		`</first>; rel=first;, ; </p?cursor=abc>;; rel="next" ; crossorigin`:     "abc",
		`</p?cursor=abc>; title="a \"quoted\" word"; rel="next"`:                 "abc",
		`<https://shop.example/p?cursor=abc>; rel="next"; title*=UTF-8''n%c3%a4`: "abc",
	} {
		var cursors []string
		first := http.Header{"Link": {header}}
		for _, err := range apiclient.All(nil, func(cursor *string) (*[]int, http.Header, error) {
			if cursor != nil {
				cursors = append(cursors, *cursor)
				return &[]int{}, nil, nil
			}
			return &[]int{1}, first, nil
		}) {
			if err != nil {
				t.Errorf("Link: %s: %v", header, err)
			}
		}
		if got := strings.Join(cursors, " "); got != want {
			t.Errorf("Link: %s\nleads to %q, want %q", header, got, want)
		}
	}
}

// A header that cannot be parsed may have a link to a next page.
func TestBrokenLinksAreErrors(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		`https://shop.example/p?cursor=abc; rel="next"`, `</p?cursor=abc> rel="next"`, `</p?cursor=abc>; rel="next`, `</p?cursor=abc; rel="next"`,
		`</first>; rel="first", /p?cursor=abc; rel="next"`, `</p>; rel="next"`, `</p%zz?cursor=abc>; rel="next"`, "next",
	} {
		var read []int
		var failed error
		for item, err := range apiclient.All(nil, func(*string) (*[]int, http.Header, error) { return &[]int{1}, http.Header{"Link": {header}}, nil }) {
			if failed = err; err == nil {
				read = append(read, item)
			}
		}
		if failed == nil || len(read) != 1 {
			t.Errorf("Link: %s\nleads to %d items and no error", header, len(read))
		}
	}
}

// A list with a link back to one of its pages would never end.
func TestListsWithALoopAreErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first *string
		next  map[string]string
		pages int
	}{
		"ToItself":    {nil, map[string]string{"": "a", "a": "a"}, 2},
		"Two":         {nil, map[string]string{"": "a", "a": "b", "b": "a"}, 3},
		"ToTheFirst":  {new("z"), map[string]string{"z": "a", "a": "b", "b": "z"}, 3},
		"ThreeOfFour": {nil, map[string]string{"": "a", "a": "b", "b": "c", "c": "d", "d": "b"}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := 0
			var failed error
			for _, err := range apiclient.All(tt.first, func(cursor *string) (*[]int, http.Header, error) {
				at := ""
				if cursor != nil {
					at = *cursor
				}
				if pages++; pages > 10 {
					return &[]int{}, nil, nil
				}
				return &[]int{}, http.Header{"Link": {`</p?cursor=` + tt.next[at] + `>; rel="next"`}}, nil
			}) {
				failed = err
			}
			if failed == nil || pages != tt.pages {
				t.Errorf("%v after %d pages, want an error after %d", failed, pages, tt.pages)
			}
		})
	}
}

// If the caller sets no limit, each list is read in pages of the maximum size.
func TestListsAskForTheLargestPages(t *testing.T) {
	t.Parallel()
	var limits []string
	client := apiclient.WithHTTPClient(&http.Client{Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
		limits = append(limits, request.URL.Query().Get("limit"))
		return answer{200, "application/json", nil, "[]"}.RoundTrip(request)
	})})
	monolith, catalog := must(monolithclient.New("http://shop.example", client)), must(catalogclient.New("http://shop.example", client))
	read := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, limit := range []*int32{nil, new(int32(7))} {
		for _, err := range monolith.AllProducts(t.Context(), monolithclient.ListProductsParams{Limit: limit}) {
			read(err)
		}
		for _, err := range monolith.AllCatalog(t.Context(), monolithclient.ListCatalogParams{Limit: limit}) {
			read(err)
		}
		for _, err := range monolith.AllMarkets(t.Context(), monolithclient.ListMarketsParams{Limit: limit}) {
			read(err)
		}
		for _, err := range catalog.AllEntries(t.Context(), catalogclient.ListEntriesParams{Limit: limit}) {
			read(err)
		}
		for _, err := range catalog.AllMarkets(t.Context(), catalogclient.ListMarketsParams{Limit: limit}) {
			read(err)
		}
		for _, err := range catalog.AllProducts(t.Context(), catalogclient.ListProductsParams{Limit: limit}) {
			read(err)
		}
	}
	if want := strings.Fields(strings.Repeat("200 ", 6) + strings.Repeat("7 ", 6)); !slices.Equal(limits, want) {
		t.Errorf("the limits are %q, want %q", limits, want)
	}
}

// A caller that stops early reads no further page. A caller that ranges again starts again.
func TestListsReadOnlyThePagesThatAreUsed(t *testing.T) {
	t.Parallel()
	read := 0
	list := apiclient.All(nil, func(*string) (*[]int, http.Header, error) {
		read++
		return &[]int{1, 2}, http.Header{"Link": {`</p?cursor=` + strings.Repeat("x", read) + `>; rel="next"`}}, nil
	})
	for range 2 {
		n := 0
		for _, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				break
			}
		}
	}
	if read != 4 {
		t.Errorf("%d pages were read, want 2 each time", read)
	}
}

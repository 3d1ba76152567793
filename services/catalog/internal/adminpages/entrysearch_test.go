package adminpages_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// A search of entries looks at the names and ids of products, at the names and codes of markets, and at the ids of entries.
func TestSearchOfEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.market("NL", "DE")
	first := b.entry("NL", "", "")
	b.entry("DE", "", "")
	p := b.SignIn(account.Viewer)
	for query, want := range map[string]int{
		"DESK": 2, "lamp": 0, "nl": 1, "market%20de": 1, "market": 2, "nothing": 0, "%25": 0, first.ID.String(): 1, desk.String(): 2, lamp.String(): 0,
		"desk&market=NL": 1, "desk&offer=today": 0,
	} {
		if got := len(p.Get("/entries?q=" + query).Must(200).Rows()); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	p.Counted("/entries?q=desk").Must(200, "<strong>2</strong> entries")
}

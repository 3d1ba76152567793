package adminpages_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/account"
)

// A search of entries looks at the names and numbers of products, at the names and codes of markets, and at the numbers of entries.
func TestSearchOfEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	products := b.create("Furniture", "Oak desk", "Lamp 7", "Market stall")
	b.market("NL", "DE")
	for _, p := range products {
		b.entry(uuid.New(), p.UUID, "NL", 1, false, nil)
	}
	b.entry(uuid.New(), products[0].UUID, "DE", 1, false, nil)
	p := b.SignIn(account.Viewer)
	for query, want := range map[string]int{
		"DESK": 2, "oak%20d": 2, "lamp": 1, "nl": 3, "market%20de": 1, "market": 4, "4": 1, "1": 2, "2": 1, "nothing": 0, "%25": 0, "oak&market=2": 1, "market&sort=id": 4,
	} {
		if got := len(p.Get("/entries?q=" + query).Must(200).Rows()); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	p.Counted("/entries?q=desk").Must(200, "<strong>2</strong> entries")
}

package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

func TestListMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, d := range []market.Draft{
		{ISOCode: "NL", Name: "b"}, {ISOCode: "BE", Name: "B"}, {ISOCode: "LU", Name: "ÄA"}, {ISOCode: "DE", Name: "a_%"},
		{ISOCode: "FR", Name: "b"}, {ISOCode: "GB", Name: "gone"},
	} {
		if _, err := b.markets.Create(t.Context(), d, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.markets.Delete(t.Context(), "GB", nil); err != nil {
		t.Fatal(err)
	}
	by := func(f market.Field, desc bool) market.Sort { return market.Sort{By: f, Desc: desc} }
	tests := map[string]struct {
		q    market.Query
		want string
	}{
		"ByCode":         {market.Query{}, "BE DE FR LU NL"},
		"CodeReversed":   {market.Query{Sort: by(market.ByCode, true)}, "NL LU FR DE BE"},
		"ByName":         {market.Query{Sort: by(market.ByName, false)}, "BE DE FR NL LU"},
		"NameReversed":   {market.Query{Sort: by(market.ByName, true)}, "LU NL FR DE BE"},
		"ByUpdate":       {market.Query{Sort: by(market.ByUpdatedAt, false)}, "NL BE LU DE FR"},
		"UpdateReversed": {market.Query{Sort: by(market.ByUpdatedAt, true)}, "FR DE LU BE NL"},
		"Search":         {market.Query{Search: "ä"}, "LU"},
		"SearchWildcard": {market.Query{Search: "_%"}, "DE"},
		"SearchFolds":    {market.Query{Search: "B", Sort: by(market.ByName, true)}, "NL FR BE"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got, pages []string
			for m, err := range b.markets.List(t.Context(), tt.q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, m.ISOCode)
			}
			for q := tt.q; len(pages) <= len(got); {
				q.Limit = 2
				n := len(pages)
				for m, err := range b.markets.List(t.Context(), q) {
					if err != nil {
						t.Fatal(err)
					}
					pages = append(pages, m.ISOCode)
					q.After = new(q.Sort.PositionOf(m))
				}
				if len(pages) == n {
					break
				}
			}
			if all, paged := strings.Join(got, " "), strings.Join(pages, " "); all != tt.want || paged != tt.want {
				t.Errorf("got %s, in pages %s, want %s", all, paged, tt.want)
			}
		})
	}
}

func TestListEntries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	chair, stool := b.product(t), b.product(t)
	codes := []string{"AT", "BE", "DE", "FR", "NL"}
	for _, code := range codes {
		b.market(t, code)
	}
	name := map[uuid.UUID]string{}
	for i, e := range []entry.Entry{
		b.entry(t, chair, "AT", "2026-03-01", ""),
		b.entry(t, chair, "BE", "2026-03-01", "2026-03-31"),
		b.entry(t, chair, "DE", "", "2026-03-31"),
		b.entry(t, stool, "AT", "2026-03-31", ""),
		b.entry(t, stool, "FR", "", ""),
		b.entry(t, stool, "NL", "2026-03-01", ""),
	} {
		name[e.ID] = fmt.Sprint(i)
		if i == 5 {
			if _, err := b.entries.Delete(t.Context(), e.ID, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for id, n := range name {
		if n == "0" { // this one is changed last
			if _, err := b.entries.Patch(t.Context(), id, entry.Patch{End: new(date("2027-01-01"))}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	on := func(s string) entry.Query { return entry.Query{AvailableOn: date(s)} }
	updated := entry.Sort{By: entry.ByUpdatedAt}
	tests := map[string]struct {
		q    entry.Query
		want string
	}{
		"All":            {entry.Query{}, "0 1 2 3 4"},
		"Reversed":       {entry.Query{Sort: entry.Sort{Desc: true}}, "4 3 2 1 0"},
		"ByUpdate":       {entry.Query{Sort: updated}, "1 2 3 4 0"},
		"UpdateReversed": {entry.Query{Sort: entry.Sort{By: entry.ByUpdatedAt, Desc: true}}, "0 4 3 2 1"},
		"ByMarket":       {entry.Query{Sort: entry.Sort{By: entry.ByMarket}}, "0 3 1 2 4"},
		"MarketReversed": {entry.Query{Sort: entry.Sort{By: entry.ByMarket, Desc: true}}, "4 2 1 3 0"},
		"OneMarket":      {entry.Query{Market: "AT", Sort: entry.Sort{By: entry.ByMarket, Desc: true}}, "3 0"},
		"Product":        {entry.Query{Product: &stool}, "3 4"},
		"Market":         {entry.Query{Market: "AT"}, "0 3"},
		"Both":           {entry.Query{Product: &stool, Market: "AT"}, "3"},
		"Neither":        {entry.Query{Market: "XX"}, ""},
		"DayBefore":      {on("2026-02-28"), ""},
		"FirstDay":       {on("2026-03-01"), "0 1"},
		"LastDay":        {on("2026-03-31"), "0 1 3"},
		"DayAfter":       {on("2026-04-01"), "0 3"},
		"ForEver":        {on("9999-12-31"), "3"},
		"DayAndMore":     {entry.Query{AvailableOn: date("2026-03-31"), Product: &chair, Sort: updated}, "1 0"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			var got, pages []string
			for e, err := range b.entries.List(t.Context(), tt.q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, name[e.ID])
			}
			for q := tt.q; len(pages) <= len(got); {
				q.Limit = 2
				n := len(pages)
				for e, err := range b.entries.List(t.Context(), q) {
					if err != nil {
						t.Fatal(err)
					}
					pages = append(pages, name[e.ID])
					q.After = new(q.Sort.PositionOf(e))
				}
				if len(pages) == n {
					break
				}
			}
			if all, paged := strings.Join(got, " "), strings.Join(pages, " "); all != tt.want || paged != tt.want {
				t.Errorf("got %q, in pages %q, want %q", all, paged, tt.want)
			}
		})
	}
}

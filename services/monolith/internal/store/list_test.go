package store_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

func names(t *testing.T, list iter.Seq2[product.Product, error]) string {
	t.Helper()
	var got []string
	for p, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Name)
	}
	return strings.Join(got, " ")
}

func TestListProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, d := range []product.Draft{
		{Name: "b", Category: "x"}, {Name: "B", Category: "y"}, {Name: "a", Category: "y"}, {Name: "ä", Category: "x"},
		{Name: "50%", Category: "x"}, {Name: "a_b", Category: "z"}, {Name: `c\d`, Category: "z"}, {Name: "GRÜN", Category: "z"},
		{Name: "old", Category: "x", Discontinued: true}, {Name: "a", Category: "x"}, {Name: "gone", Category: "x"},
	} {
		p, err := b.products.Create(t.Context(), d, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name == "gone" {
			if _, err := b.products.Delete(t.Context(), p.ID, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.touch(t, 1)
	by := func(f product.Field, desc bool) product.Sort { return product.Sort{By: f, Desc: desc} }
	tests := map[string]struct {
		q    product.Query
		want string
	}{
		"ByID":            {product.Query{}, `b B a ä 50% a_b c\d GRÜN a`},
		"ByIDReversed":    {product.Query{Sort: by(product.ByID, true)}, `a GRÜN c\d a_b 50% ä a B b`},
		"ByName":          {product.Query{Sort: by(product.ByName, false)}, `50% B GRÜN a a a_b b c\d ä`},
		"ByNameReversed":  {product.Query{Sort: by(product.ByName, true)}, `ä c\d b a_b a a GRÜN B 50%`},
		"ByCategory":      {product.Query{Sort: by(product.ByCategory, false)}, `b ä 50% a B a a_b c\d GRÜN`},
		"CategoryReverse": {product.Query{Sort: by(product.ByCategory, true)}, `GRÜN c\d a_b a B a 50% ä b`},
		"ByUpdate":        {product.Query{Sort: by(product.ByUpdatedAt, false)}, `B a ä 50% a_b c\d GRÜN a b`},
		"UpdateReversed":  {product.Query{Sort: by(product.ByUpdatedAt, true)}, `b a GRÜN c\d a_b 50% ä a B`},
		"Discontinued":    {product.Query{IncludeDiscontinued: true, Category: "x"}, `b ä 50% old a`},
		"Category":        {product.Query{Category: "y"}, `B a`},
		"CategoryIsExact": {product.Query{Category: "Y"}, ``},
		"Search":          {product.Query{Search: "B"}, `b B a_b`},
		"SearchPercent":   {product.Query{Search: "%"}, `50%`},
		"SearchUnder":     {product.Query{Search: "_"}, `a_b`},
		"SearchBackslash": {product.Query{Search: `\`}, `c\d`},
		"SearchFoldsCase": {product.Query{Search: "grün"}, `GRÜN`},
		"SearchAndMore":   {product.Query{Search: "a", Category: "x", Sort: by(product.ByName, true)}, `a`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := names(t, b.products.List(t.Context(), tt.q)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			// The same list, in pages of two.
			var pages []string
			q := tt.q
			q.Limit = 2
			for range 10 {
				var last *product.Product
				for p, err := range b.products.List(t.Context(), q) {
					if err != nil {
						t.Fatal(err)
					}
					last = &p
					pages = append(pages, p.Name)
				}
				if last == nil {
					break
				}
				at := q.Sort.PositionOf(*last)
				q.After = &at
			}
			if got := strings.Join(pages, " "); got != tt.want {
				t.Errorf("pages %s\nwant  %s", got, tt.want)
			}
		})
	}
}

// touch updates the product, so that it is the one that was updated last.
func (b *bundle) touch(t *testing.T, id int64) {
	t.Helper()
	for _, off := range []bool{true, false} {
		if _, err := b.products.Patch(t.Context(), id, product.Patch{Discontinued: &off}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListManyProducts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const many = 2*keyset.Page + 3
	var all errgroup.Group
	all.SetLimit(8)
	for i := range many {
		all.Go(func() error {
			_, err := b.products.Create(t.Context(), product.Draft{Name: fmt.Sprintf("p%04d", i), Category: "x"}, nil)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for p, err := range b.products.List(t.Context(), product.Query{Sort: product.Sort{By: product.ByName}}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("p%04d", seen); p.Name != want {
			t.Fatalf("got %s, want %s", p.Name, want)
		}
		if idle := b.pool.Stat().AcquiredConns(); idle != 0 {
			t.Fatalf("%d connections are held while the caller reads", idle)
		}
		seen++
	}
	if seen != many {
		t.Errorf("%d products, want %d", seen, many)
	}
}

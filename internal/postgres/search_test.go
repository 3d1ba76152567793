package postgres_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// searched is a row of the table of TestSearches.
type searched struct {
	ID   int64
	Name string
	Done bool
}

// A search has the same rows in the same order as if all rows were sorted: for texts that few rows have, that most have, and that
// many have, which are together in the order of the list or far apart.
func TestSearches(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE item (id bigint PRIMARY KEY, name text COLLATE "C" NOT NULL, done boolean NOT NULL);
		INSERT INTO item SELECT n, (ARRAY['Ash', 'Oak', 'Walnut'])[1 + n % 3] || ' ' || CASE WHEN n % 5000 = 7 THEN 'vase' ELSE 'desk' END || ' ' || n * 7919 % 12000, n % 10 = 0 FROM generate_series(1, 12000) n`); err != nil {
		t.Fatal(err)
	}
	all, err := postgres.Select(t.Context(), pool, func(s searched) searched { return s }, keyset.Statement{SQL: `SELECT id, name, done FROM item`})
	if err != nil || len(all) != 12000 {
		t.Fatal(len(all), err)
	}
	const page = 50
	for _, text := range []string{"vase", "desk", "walnut", "ASH desk", "11", "777", "nothing"} {
		for _, order := range []keyset.Order{{By: "name", Tie: "id"}, {By: "name", Tie: "id", Desc: true}, {By: "id", Tie: "id"}, {By: "id", Tie: "id", Desc: true}} {
			for _, both := range []bool{true, false} {
				name := fmt.Sprint(text, order, both)
				want := slices.DeleteFunc(slices.Clone(all), func(s searched) bool {
					return !strings.Contains(strings.ToLower(s.Name), strings.ToLower(text)) || s.Done && !both
				})
				slices.SortFunc(want, func(a, b searched) int {
					by := cmp.Compare(a.ID, b.ID)
					if order.By == "name" {
						by = cmp.Or(strings.Compare(a.Name, b.Name), by)
					}
					if order.Desc {
						return -by
					}
					return by
				})
				for from := 0; from <= len(want); from += 2500 { // a page here and there
					var q keyset.Query
					if both {
						q.Either("NOT done", "done")
					} else {
						q.Where("NOT done")
					}
					q.Search("name", text)
					if from > 0 {
						q.After(order, want[from-1].Name, want[from-1].ID)
					}
					got, err := postgres.Select(t.Context(), pool, func(s searched) searched { return s }, q.Statement(`SELECT id, name, done FROM item`, order, page))
					if err != nil {
						t.Fatal(name, err)
					}
					if rest := want[from:]; !slices.Equal(got, rest[:min(page, len(rest))]) {
						t.Errorf("%s after %d: got %v", name, from, got)
					}
				}
			}
		}
	}
}

package keyset_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/keyset"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	byID := keyset.Order{By: "id", Tie: "id"}
	tests := map[string]struct {
		order keyset.Order
		build func(*keyset.Query, keyset.Order)
		want  string
		args  string
	}{
		"Everything":    {byID, func(*keyset.Query, keyset.Order) {}, "SELECT ORDER BY id LIMIT $1", "[3]"},
		"Conditions":    {byID, func(q *keyset.Query, _ keyset.Order) { q.Where("a"); q.Where("b = ? OR c = ?", 1, 2) }, "SELECT WHERE a AND b = $1 OR c = $2 ORDER BY id LIMIT $3", "[1 2 3]"},
		"AfterID":       {byID, func(q *keyset.Query, o keyset.Order) { q.After(o, nil, 7) }, "SELECT WHERE id > $1 ORDER BY id LIMIT $2", "[7 3]"},
		"BeforeID":      {keyset.Order{By: "id", Desc: true, Tie: "id"}, func(q *keyset.Query, o keyset.Order) { q.After(o, nil, 7) }, "SELECT WHERE id < $1 ORDER BY id DESC LIMIT $2", "[7 3]"},
		"AfterName":     {keyset.Order{By: "n", Tie: "id"}, func(q *keyset.Query, o keyset.Order) { q.Where("x = ?", 1); q.After(o, "b", 7) }, "SELECT WHERE x = $1 AND (n, id) > ($2, $3) ORDER BY n, id LIMIT $4", "[1 b 7 3]"},
		"OneName":       {keyset.Order{By: "n", Desc: true, Tie: "id"}, func(q *keyset.Query, o keyset.Order) { q.Equal("n", "b"); q.After(o, "b", 7) }, "SELECT WHERE n = $1 AND id < $2 ORDER BY id DESC LIMIT $3", "[b 7 3]"},
		"Either":        {keyset.Order{By: "n", Tie: "id"}, func(q *keyset.Query, o keyset.Order) { q.Where("x = ?", 1); q.Either("NOT d", "d"); q.After(o, "b", 7) }, "(SELECT WHERE x = $1 AND (n, id) > ($2, $3) AND NOT d ORDER BY n, id LIMIT $4) UNION ALL (SELECT WHERE x = $1 AND (n, id) > ($2, $3) AND d ORDER BY n, id LIMIT $4) ORDER BY n, id LIMIT $4", "[1 b 7 3]"},
		"AfterNameDesc": {keyset.Order{By: "n", Desc: true, Tie: "id"}, func(q *keyset.Query, o keyset.Order) { q.After(o, "b", 7) }, "SELECT WHERE (n, id) < ($1, $2) ORDER BY n DESC, id DESC LIMIT $3", "[b 7 3]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var q keyset.Query
			tt.build(&q, tt.order)
			got := q.Statement("SELECT", tt.order, 3)
			if got.SQL != tt.want || fmt.Sprint(got.Args) != tt.args || got.Searches {
				t.Errorf("got  %+v\nwant %s %s", got, tt.want, tt.args)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	var q keyset.Query
	q.Search("name", "")
	q.Search("name", `50%_a\b`)
	got := q.Statement("SELECT", keyset.Order{By: "id", Tie: "id"}, 3)
	const want = `SELECT WHERE lower(name COLLATE "und-x-icu") LIKE lower($1::text COLLATE "und-x-icu") ORDER BY id LIMIT $2`
	if got.SQL != want || fmt.Sprint(got.Args) != `[%50\%\_a\\b% 3]` || !got.Searches {
		t.Errorf("got %+v, want %s", got, want)
	}
}

// A name that an earlier release stored may have another form than the text has.
func TestForms(t *testing.T) {
	t.Parallel()
	var q keyset.Query
	q.Equal("category", "")
	q.Equal("category", "x")
	q.Equal("category", "e\u0301")
	q.Search("name", "e\u0301%")
	got := q.Statement("SELECT", keyset.Order{By: "id", Tie: "id"}, 3)
	const want = `SELECT WHERE category = $1 AND (category = $2 OR category = $3) AND (` +
		`lower(name COLLATE "und-x-icu") LIKE lower($4::text COLLATE "und-x-icu") OR ` +
		`lower(name COLLATE "und-x-icu") LIKE lower($5::text COLLATE "und-x-icu")) ORDER BY id LIMIT $6`
	if got.SQL != want || fmt.Sprintf("%+q", got.Args[:5]) != `["x" "\u00e9" "e\u0301" "%\u00e9\\%%" "%e\u0301\\%%"]` {
		t.Errorf("got %+v, want %s", got, want)
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	if keyset.Value(true, "x", at) != any(at) || keyset.Value(false, "x", at) != any("x") {
		t.Error("the value is of another column")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	all := make([]int, 2*keyset.Page+7)
	for i := range all {
		all[i] = i
	}
	away := errors.New("away")
	tests := map[string]struct {
		rows, limit int
		after       *int
		failAt      int // the read that fails, counted from 1
		want, reads int
	}{
		"All":          {rows: len(all), want: len(all), reads: 3},
		"WholePages":   {rows: 2 * keyset.Page, want: 2 * keyset.Page, reads: 3},
		"None":         {reads: 1},
		"Limited":      {rows: len(all), limit: 20, want: 20, reads: 1},
		"LimitOver":    {rows: 5, limit: 20, want: 5, reads: 1},
		"LimitIsAPage": {rows: len(all), limit: keyset.Page, want: keyset.Page, reads: 1},
		"LargeLimit":   {rows: len(all), limit: keyset.Page + 1, want: keyset.Page + 1, reads: 2},
		"After":        {rows: 10, after: &all[6], want: 3, reads: 1},
		"Fails":        {rows: len(all), failAt: 2, want: keyset.Page, reads: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads := 0
			pages := keyset.Pages(tt.limit, tt.after, func(v int) int { return v }, func(after *int, limit int) ([]int, error) {
				if reads++; reads == tt.failAt {
					return nil, away
				}
				from := 0
				if after != nil {
					from = *after + 1
				}
				return all[from:min(from+limit, tt.rows)], nil
			})
			var got []int
			for v, err := range pages {
				if err != nil {
					if tt.failAt == 0 || !errors.Is(err, away) {
						t.Fatal(err)
					}
					continue
				}
				got = append(got, v)
			}
			if len(got) != tt.want || reads != tt.reads || !slices.IsSorted(got) || len(slices.Compact(got)) != tt.want {
				t.Errorf("%d rows in %d reads, want %d in %d", len(got), reads, tt.want, tt.reads)
			}
		})
	}
}

func TestPagesStops(t *testing.T) {
	t.Parallel()
	reads := 0
	pages := keyset.Pages(0, nil, func(v int) int { return v }, func(*int, int) ([]int, error) {
		reads++
		return make([]int, keyset.Page), nil
	})
	for _, err := range pages {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if reads != 1 {
		t.Errorf("%d reads for one row", reads)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	var q keyset.Query
	if got := q.Count("FROM t", 5); got.SQL != "SELECT count(*)::int FROM (SELECT FROM t LIMIT $1) AS counted" || fmt.Sprint(got.Args) != "[5]" {
		t.Errorf("got %+v", got)
	}
	q = keyset.Query{}
	q.Where("x > ?", 1)
	q.Search("name", "a")
	got := q.Count("FROM t", 5)
	const want = `SELECT count(*)::int FROM (SELECT FROM t WHERE x > $1 AND lower(name COLLATE "und-x-icu") LIKE lower($2::text COLLATE "und-x-icu") LIMIT $3) AS counted`
	if got.SQL != want || fmt.Sprint(got.Args) != "[1 %a% 5]" || !got.Searches {
		t.Errorf("got %+v, want %s", got, want)
	}
	q = keyset.Query{}
	q.Where("x = ?", 1)
	q.Either("NOT d", "d")
	if got := q.Count("FROM t", 5); got.SQL != `SELECT count(*)::int FROM ((SELECT FROM t WHERE x = $1 AND NOT d LIMIT $2) UNION ALL `+
		`(SELECT FROM t WHERE x = $1 AND d LIMIT $2) LIMIT $2) AS counted` || fmt.Sprint(got.Args) != "[1 5]" {
		t.Errorf("got %+v", got)
	}
}

package keyset_test

import (
	"fmt"
	"testing"

	"github.com/monsplit/monsplit/internal/keyset"
)

// A text of which an index has trigrams is searched in three forms. Columns have their own names outside of a SELECT.
func TestFormsOfASearch(t *testing.T) {
	t.Parallel()
	build := func(text string) keyset.Statement {
		var q keyset.Query
		q.Where("x = ?", 1)
		q.Union(keyset.Condition{SQL: "a = ?", Args: []any{2}}, keyset.Condition{SQL: "b"})
		q.Search("name", text)
		return q.Statement("SELECT", keyset.Order{By: "t.n", Tie: "t.id"}, 3)
	}
	for _, text := range []string{"ab", "a b", "a-b c", "é1"} {
		if s := build(text); s.Trigrams || s.Search != nil || !s.Searches {
			t.Errorf("%s: %+v", text, s)
		}
	}
	s := build("abc")
	const like = `lower(name COLLATE "und-x-icu") LIKE lower($3::text COLLATE "und-x-icu")`
	for name, tt := range map[string]struct {
		got        keyset.Statement
		want, args string
	}{
		"Walk": {s.Search.Walk, "SELECT * FROM ((SELECT WHERE x = $1 AND a = $2 ORDER BY t.n, t.id LIMIT $4) UNION ALL (SELECT WHERE x = $1 AND b ORDER BY t.n, t.id LIMIT $4) " +
			"ORDER BY n, id LIMIT $4) AS walked WHERE " + like + " ORDER BY n, id LIMIT $5", "[1 2 %abc% 90 3]"},
		"Found": {s.Search.Found, "SELECT *, count(*) OVER (), n, id FROM ((SELECT WHERE x = $1 AND " + like + " AND a = $2 LIMIT $4) UNION ALL (SELECT WHERE x = $1 AND " + like +
			" AND b LIMIT $4) LIMIT $4) AS found ORDER BY n, id LIMIT $5", "[1 2 %abc% 3001 3]"},
		"UpTo": {s.Search.UpTo("v", 7), "(SELECT WHERE x = $1 AND (t.n, t.id) <= ($4, $5) AND " + like + " AND a = $2 ORDER BY t.n, t.id LIMIT $6) UNION ALL (SELECT WHERE x = $1 AND (t.n, t.id) <= ($4, $5) AND " +
			like + " AND b ORDER BY t.n, t.id LIMIT $6) ORDER BY n, id LIMIT $6", "[1 2 %abc% v 7 3]"},
	} {
		if tt.got.SQL != tt.want || fmt.Sprint(tt.got.Args) != tt.args || !tt.got.Trigrams {
			t.Errorf("%s: got\n%s %v, want\n%s %s", name, tt.got.SQL, tt.got.Args, tt.want, tt.args)
		}
	}
}

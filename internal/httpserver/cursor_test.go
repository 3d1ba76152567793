package httpserver_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

type query struct {
	Search, Sort string
	All          bool
}

type position struct {
	ID   int64
	Name string
}

func TestACursorComesBackForItsOwnListAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) query {
			return query{rapid.StringN(0, 3, -1).Draw(t, label+" search"), rapid.SampledFrom([]string{"id", "-id"}).Draw(t, label+" sort"), rapid.Bool().Draw(t, label+" all")}
		}
		mine, other := draw("mine"), draw("other")
		want := position{rapid.Int64().Draw(t, "id"), rapid.StringN(0, 200, -1).Draw(t, "name")}
		cursor := httpserver.NewCursor(mine, want)
		var got position
		if err := httpserver.ReadCursor(cursor, mine, &got); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		if err := httpserver.ReadCursor(cursor, other, &got); (err == nil) != (mine == other) {
			t.Fatalf("read for %+v though it is of %+v: %v", other, mine, err)
		}
	})
}

func FuzzReadCursor(f *testing.F) {
	f.Add(httpserver.NewCursor(query{}, position{ID: 1}))
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		var got position
		err := httpserver.ReadCursor(text, query{}, &got)
		if err != nil && apperr.KindOf(err) != apperr.Malformed {
			t.Errorf("%q gives %v", text, err)
		}
	})
}

func TestIdempotencyKeysAreScoped(t *testing.T) {
	t.Parallel()
	type call struct{ method, path, key string }
	seen := map[[32]byte]call{}
	for _, c := range []call{{"POST", "/a", "k"}, {"PUT", "/a", "k"}, {"POST", "/b", "k"}, {"POST", "/a", "l"}, {"POST", "/a k", ""}, {"POST", "/a\" \"k", ""}} {
		id, _ := httpserver.IdempotencyKey(c.method, c.path, c.key, nil)
		if other, taken := seen[id]; taken {
			t.Errorf("%v and %v are the same", c, other)
		}
		seen[id] = c
	}
	_, one := httpserver.IdempotencyKey("POST", "/a", "k", map[string]int{"a": 1, "b": 2})
	_, same := httpserver.IdempotencyKey("POST", "/a", "k", map[string]int{"b": 2, "a": 1})
	_, other := httpserver.IdempotencyKey("POST", "/a", "k", map[string]int{"a": 1})
	if one != same || one == other {
		t.Error("the fingerprint does not tell bodies apart")
	}
}

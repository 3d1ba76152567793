package httpserver_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
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

func TestACursorIsValidOnlyForItsList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) query {
			return query{rapid.StringN(0, 3, -1).Draw(t, label+" search"), rapid.SampledFrom([]string{"id", "-id"}).Draw(t, label+" sort"), rapid.Bool().Draw(t, label+" all")}
		}
		mine, other := draw("mine"), draw("other")
		want := position{rapid.Int64().Draw(t, "id"), strings.ReplaceAll(rapid.StringN(0, 200, -1).Draw(t, "name"), "\x00", "")}
		cursor := httpserver.NewCursor(mine, want)
		if got, err := httpserver.ReadCursor[position](&cursor, mine); err != nil || *got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		if _, err := httpserver.ReadCursor[position](&cursor, other); (err == nil) != (mine == other) {
			t.Fatalf("read for %+v, although it belongs to %+v: %v", other, mine, err)
		}
	})
}

// A client must be able to send every cursor that it was given, however long the texts in it are. The names in a copy have
// no limit.
func TestALongCursorIsAccepted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("x", 20_000), strings.Repeat("\u2028", 3_000), strings.Repeat("😀", 2_500)} {
		cursor := httpserver.NewCursor(query{}, position{Name: name})
		if got, err := httpserver.ReadCursor[position](&cursor, query{}); err != nil || got.Name != name {
			t.Errorf("a cursor of %d characters: %v", len(cursor), err)
		}
	}
}

// H15 NUL in a text: a client can put a text into a cursor that PostgreSQL cannot store.
func TestACursorHoldsNoNUL(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"a\x00b": false, "\x00": false, `a\u0000b`: true, "": true} {
		cursor := httpserver.NewCursor(query{}, position{Name: name})
		got, err := httpserver.ReadCursor[position](&cursor, query{})
		switch {
		case ok && (err != nil || got.Name != name):
			t.Errorf("%q: got %+v, %v", name, got, err)
		case !ok && apperr.KindOf(err) != apperr.Malformed:
			t.Errorf("%q: got %v, want Malformed", name, err)
		}
	}
	empty := ""
	for name, cursor := range map[string]*string{"no cursor": nil, "an empty cursor": &empty} {
		if got, err := httpserver.ReadCursor[position](cursor, query{}); got != nil || err != nil {
			t.Errorf("with %s: got %+v, %v", name, got, err)
		}
	}
}

// A client may write any JSON into a cursor.
func TestACursorIsReadExactly(t *testing.T) {
	t.Parallel()
	whole, err := base64.RawURLEncoding.DecodeString(httpserver.NewCursor(query{}, position{ID: 7, Name: "a"}))
	if err != nil {
		t.Fatal(err)
	}
	for change, ok := range map[[2]string]bool{
		{`"ID"`, `"ID"`}:                true,
		{`"ID"`, `"id"`}:                false,
		{`"v"`, `"V"`}:                  false,
		{`"Name"`, `"NAME":"b","Name"`}: false,
		{`"ID"`, `"ID":7,"ID"`}:         false,
		{`"a"}}`, `"a"}} {}`}:           false,
	} {
		text := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(whole), change[0], change[1], 1)))
		got, err := httpserver.ReadCursor[position](&text, query{})
		if ok && (err != nil || *got != position{ID: 7, Name: "a"}) || !ok && apperr.KindOf(err) != apperr.Malformed {
			t.Errorf("%s instead of %s: got %+v, %v", change[1], change[0], got, err)
		}
	}
}

func FuzzReadCursor(f *testing.F) {
	f.Add(httpserver.NewCursor(query{}, position{ID: 1}))
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := httpserver.ReadCursor[position](&text, query{})
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
		once := httpserver.Once(t.Context(), c.method, c.path, &c.key, nil)
		if other, taken := seen[once.ID]; taken {
			t.Errorf("%v and %v are the same", c, other)
		}
		seen[once.ID] = c
	}
	key := "k"
	fingerprint := func(body any) [32]byte { return httpserver.Once(t.Context(), "POST", "/a", &key, body).Fingerprint }
	one := fingerprint(map[string]int{"a": 1, "b": 2})
	if one != fingerprint(map[string]int{"b": 2, "a": 1}) || one == fingerprint(map[string]int{"a": 1}) {
		t.Error("the fingerprint does not tell bodies apart")
	}
	ids := map[[32]byte]bool{}
	for _, who := range []caller.Caller{{}, {Kind: caller.KindToken, Name: "a"}, {Kind: caller.KindToken, Name: "b"}, {Kind: caller.KindAddress, Name: "a"}} {
		ids[httpserver.Once(caller.With(t.Context(), who), "POST", "/a", &key, nil).ID] = true
	}
	if len(ids) != 4 {
		t.Errorf("4 callers have %d ids for the same key", len(ids))
	}
	if once := httpserver.Once(t.Context(), "POST", "/a", nil, nil); once != nil {
		t.Errorf("without a key: %+v", once)
	}
}

// The order of reversed lists has changed since version 1. Such a cursor would skip items without a sign.
func TestACursorOfAnEarlierReleaseIsRefused(t *testing.T) {
	t.Parallel()
	text, err := base64.RawURLEncoding.DecodeString(httpserver.NewCursor(query{}, position{ID: 1}))
	if err != nil {
		t.Fatal(err)
	}
	cursor := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), `"v":2`, `"v":1`, 1)))
	if _, err := httpserver.ReadCursor[position](&cursor, query{}); err == nil || !strings.Contains(err.Error(), "Begin again with the first page") {
		t.Errorf("error %v", err)
	}
}

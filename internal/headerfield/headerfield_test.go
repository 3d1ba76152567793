package headerfield_test

import (
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/headerfield"
)

func TestList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lines []string
		want  []string
	}{
		"Elements":      {[]string{"a, b;q=0.5"}, []string{"a", "b;q=0.5"}},
		"Lines":         {[]string{"a", "b,c"}, []string{"a", "b", "c"}},
		"Empty":         {[]string{"", " , a,,"}, []string{"a"}},
		"Quoted":        {[]string{`a;p="x,y", b`}, []string{`a;p="x,y"`, "b"}},
		"EscapedQuote":  {[]string{`a;p="x\",y", b`}, []string{`a;p="x\",y"`, "b"}},
		"EscapedEscape": {[]string{`a;p="x\\", b`}, []string{`a;p="x\\"`, "b"}},
		"NotClosed":     {[]string{`a;p="x, b`, "c"}, []string{`a;p="x, b`, "c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if have := slices.Collect(headerfield.List(tt.lines)); !slices.Equal(have, tt.want) {
				t.Errorf("%q, want %q", have, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"a"`: "a", `"a b"`: "a b", `"a\"b\\c"`: `a"b\c`, `""`: "", `"a";v=1`: "a", `"a" ; v`: "a",
		`a`: "-", `"`: "-", `"a`: "-", `a"`: "-", `"a"b"`: "-", `"a\b"`: "-", `"a"b`: "-", "\"ä\"": "-", "\"\t\"": "-", ``: "-",
	} {
		have, ok := headerfield.String(text)
		if !ok {
			have = "-"
		}
		if have != want {
			t.Errorf("%s: %q, want %q", text, have, want)
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	have := slices.Collect(headerfield.Tags(`"a,b", W/"c\" ,, "d"`))
	if want := []string{`"a,b"`, `W/"c\"`, `"d"`}; !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}

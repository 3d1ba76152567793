package journey

import (
	"testing"
)

func TestRefsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, r := range []Ref{{"shop.order.v1", "1", 1}, {"a", "b/c", 0}, {"a", "<b>", 9}} {
		if got, ok := ParseRef(r.String()); !ok || got != r {
			t.Errorf("%s is read as %+v, %v", r, got, ok)
		}
	}
	for _, text := range []string{"", "a", "a/b", "a//1", "/b/1", "a/b/", "a/b/x", "a/b/-1", "a/b/01", "a/b/1 ", "a/b\x00/1", "a/\xff/1"} {
		if got, ok := ParseRef(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

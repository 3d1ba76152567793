package caller_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/caller"
)

func TestCallers(t *testing.T) {
	t.Parallel()
	if c := caller.From(t.Context()); c != (caller.Caller{}) || c.String() != "anonymous" {
		t.Errorf("without a caller: %v", c)
	}
	seen := map[string]bool{}
	for _, c := range []caller.Caller{
		{}, {Kind: caller.KindToken, Name: "anonymous"}, {Kind: caller.KindToken, Name: "billing"},
		{Kind: caller.KindSession, Name: "billing"}, {Kind: caller.KindAddress, Name: "10.0.0.0/8"},
	} {
		if got := caller.From(caller.With(t.Context(), c)); got != c {
			t.Errorf("got %v, want %v", got, c)
		}
		if seen[c.String()] {
			t.Errorf("%q names two callers", c)
		}
		seen[c.String()] = true
	}
}

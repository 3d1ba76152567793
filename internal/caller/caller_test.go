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
	if r := caller.RequestOf(t.Context()); r != (caller.Request{}) {
		t.Errorf("without a request: %v", r)
	}
	request := caller.Request{ID: "r-1", Address: "192.0.2.1"}
	if r := caller.RequestOf(caller.With(caller.WithRequest(t.Context(), request), caller.Caller{Kind: caller.KindToken})); r != request {
		t.Errorf("got the request %v", r)
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

// Those who name themselves have one account from everywhere. All others have an account for each address.
func TestAccounts(t *testing.T) {
	t.Parallel()
	for who, want := range map[caller.Caller]string{
		{}: "anonymous 192.0.2.1",
		{Kind: caller.KindAddress, Name: "192.0.2.0/24"}: "address 192.0.2.0/24 192.0.2.1",
		{Kind: caller.KindToken, Name: "billing"}:        "token billing",
		{Kind: caller.KindSession, Name: "ann"}:          "session ann",
	} {
		ctx := caller.With(t.Context(), who)
		if got := caller.Account(ctx); got != who.String() {
			t.Errorf("without an address: %q", got)
		}
		if got := caller.Account(caller.WithAddress(ctx, "192.0.2.1")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package outbox

import (
	"testing"
	"time"
)

// TestClaimsRestWhereTheMachineIsBusy: after a slow claim, the next wake waits as long as the claim took, at most
// maxRest.
func TestClaimsRestWhereTheMachineIsBusy(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for took, want := range map[time.Duration]time.Duration{
		300 * time.Microsecond: 0, 3 * time.Millisecond: 3 * time.Millisecond, time.Second: maxRest,
	} {
		var cl claimState
		cl.restAfter(now, took)
		if got := max(0, cl.restUntil.Sub(now)); got != want {
			t.Errorf("after %v: rests for %v, want %v", took, got, want)
		}
	}
}

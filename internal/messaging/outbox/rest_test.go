package outbox

import (
	"testing"
	"time"
)

// After a claim that took long, the next wake is followed as much later; no wake waits for more than the longest rest.
func TestClaimsRestWhereTheMachineIsBusy(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for took, want := range map[time.Duration]time.Duration{
		300 * time.Microsecond: 0, 3 * time.Millisecond: 3 * time.Millisecond, time.Second: maxRest,
	} {
		var cl claims
		cl.rest(now, took)
		if got := max(0, cl.restTo.Sub(now)); got != want {
			t.Errorf("after %v: rests for %v, want %v", took, got, want)
		}
	}
}

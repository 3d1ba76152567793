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

// TestTheNextSweepComesSoon: sweeps take at most a twentieth of the time, but a long pause of the process during a sweep does
// not delay the next one for minutes.
func TestTheNextSweepComesSoon(t *testing.T) {
	t.Parallel()
	cfg, now := Config{}.withDefaults(), time.Now()
	for took, want := range map[time.Duration]time.Duration{
		time.Millisecond: 2 * cfg.SweepMin, 40 * time.Millisecond: 800 * time.Millisecond, 20 * time.Second: 10 * cfg.SweepMax,
	} {
		cl := claimState{interval: cfg.SweepMin}
		cl.scheduleSweep(now, took, 0, cfg)
		if got := cl.sweepAt.Sub(now); got != want {
			t.Errorf("after a sweep of %v: the next one in %v, want %v", took, got, want)
		}
		cl.sweepWithin(now, cfg.SweepMin)
		if got := cl.sweepAt.Sub(now); got > want {
			t.Errorf("after a sweep of %v: a wanted one in %v, want at most %v", took, got, want)
		}
	}
}

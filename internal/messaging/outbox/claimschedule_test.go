//go:build !realkafka

package outbox

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// scheduleStep is something that happens at a time after the start of a test.
type scheduleStep struct {
	at     time.Duration
	do     func(*claimSchedule, time.Time) // nil for nothing
	want   claimKind
	again  time.Duration // after the start
	reason string
}

func wakes(s *claimSchedule, _ time.Time)   { s.wake() }
func skips(s *claimSchedule, now time.Time) { s.sweepSoon(now) }
func fails(s *claimSchedule, now time.Time) { s.failed(now, 0) }

func ends(kind claimKind, took time.Duration, found int) func(*claimSchedule, time.Time) {
	return func(s *claimSchedule, now time.Time) { s.claimed(now, kind, took, found) }
}

// The schedule sweeps every 100 ms to 1 s, and tries again after 50 ms to 2 s.
func TestClaimSchedule(t *testing.T) {
	t.Parallel()
	first := scheduleStep{at: 0, want: readAll, again: time.Second, reason: "the first claim is a sweep"}
	for name, steps := range map[string][]scheduleStep{
		"sweeps that find nothing come less often": {first,
			{at: 1 * ms, do: ends(readAll, 1*ms, 0), want: readOn, again: 201 * ms, reason: "twice the shortest interval"},
			{at: 201 * ms, want: readAll, again: 1201 * ms, reason: "it is time"},
			{at: 202 * ms, do: ends(readAll, 1*ms, 0), want: readOn, again: 602 * ms, reason: "twice as long"},
			{at: 602 * ms, want: readAll, again: 1602 * ms, reason: "it is time"},
			{at: 603 * ms, do: ends(readAll, 1*ms, 7), want: readOn, again: 703 * ms, reason: "it found rows"},
		},
		"a wake reads what is new": {first,
			{at: 1 * ms, do: ends(readAll, 0, 0), want: readOn, again: 201 * ms, reason: "no wake"},
			{at: 50 * ms, do: wakes, want: readNew, again: 201 * ms, reason: "a wake"},
			{at: 50 * ms, want: readOn, again: 201 * ms, reason: "the wake is answered"},
			{at: 51 * ms, do: ends(readNew, 0, 9), want: readOn, again: 201 * ms, reason: "only sweeps change the next sweep"},
			{at: 201 * ms, do: wakes, want: readAll, again: 1201 * ms, reason: "a sweep reads everything"},
			{at: 201 * ms, want: readOn, again: 1201 * ms, reason: "the sweep has answered the wake"},
		},
		"after a slow claim a wake has to wait": {first,
			{at: 3 * ms, do: ends(readAll, 3*ms, 0), want: readOn, again: 203 * ms, reason: "no wake"},
			{at: 4 * ms, do: wakes, want: readOn, again: 6 * ms, reason: "it rests as long as the claim took"},
			{at: 6 * ms, want: readNew, again: 203 * ms, reason: "it has rested"},
			{at: 56 * ms, do: ends(readNew, 50*ms, 0), want: readOn, again: 203 * ms, reason: "no wake"},
			{at: 57 * ms, do: wakes, want: readOn, again: 61 * ms, reason: "it rests for maxRest"},
			{at: 61 * ms, want: readNew, again: 203 * ms, reason: "it has rested"},
		},
		"a claim that fails is tried again, later each time": {first,
			{at: 1 * ms, do: fails, want: readNothing, again: 51 * ms, reason: "the shortest pause"},
			{at: 20 * ms, do: wakes, want: readNothing, again: 51 * ms, reason: "a wake does not end the pause"},
			{at: 51 * ms, want: readNew, again: time.Second, reason: "the pause is over"},
			{at: 51 * ms, do: fails, want: readNothing, again: 151 * ms, reason: "twice as long"},
			{at: 151 * ms, want: readOn, again: time.Second, reason: "the pause is over"},
			{at: 152 * ms, do: ends(readOn, 0, 0), want: readOn, again: time.Second, reason: "it succeeds"},
			{at: 153 * ms, do: fails, want: readNothing, again: 203 * ms, reason: "the shortest pause again"},
		},
		"a sweep for a predecessor comes soon": {first,
			{at: 1 * ms, do: ends(readAll, 1*ms, 0), want: readOn, again: 201 * ms, reason: "twice the shortest interval"},
			{at: 20 * ms, do: skips, want: readOn, again: 120 * ms, reason: "a row waits for its predecessor"},
			{at: 50 * ms, do: skips, want: readOn, again: 120 * ms, reason: "it is soon enough"},
		},
		"sweeps take a twentieth of the time": {first,
			{at: 40 * ms, do: ends(readAll, 40*ms, 7), want: readOn, again: 840 * ms, reason: "20 times as long"},
			{at: 41 * ms, do: skips, want: readOn, again: 840 * ms, reason: "also for a predecessor"},
		},
		"a pause of the process does not delay sweeps for minutes": {first,
			{at: 20 * time.Second, do: ends(readAll, 20*time.Second, 7), want: readOn, again: 30 * time.Second, reason: "10 times the longest interval"},
		},
	} {
		start, s := time.Now(), newClaimSchedule(Config{}.withDefaults())
		for _, step := range steps {
			now := start.Add(step.at)
			if step.do != nil {
				step.do(&s, now)
			}
			kind, again := s.next(now)
			if kind != step.want || again.Sub(start) != step.again {
				t.Errorf("%s: at %v (%s) it reads %v and asks again at %v, want %v and %v",
					name, step.at, step.reason, kind, again.Sub(start), step.want, step.again)
			}
		}
	}
}

package outbox

import "time"

// claimSchedule decides when the relay claims, and from where. It has no I/O and reads no clock.
//
//	Wake, a notification --> woken --> after a rest: readNew
//	time for a sweep ----------------------------->  readAll
//	a lane has more rows ------------------------->  readOn
//	the last claim failed --> after a pause: one of these
type claimSchedule struct {
	sweepMin, sweepMax time.Duration // between two sweeps
	retryMin, retryMax time.Duration // after a failure

	retryAt   time.Time
	failures  int
	sweepTook time.Duration // how long the last sweep took

	woken bool
	// restUntil is when the next wake is answered. After a slow claim, the relay waits as long as the claim took (at most
	// maxRest). A claim is slow when the machine is busy, and then one claim for several commits saves work.
	restUntil time.Time

	// A sweep is a claim without a wake-up, from the first pending row on. It finds rows that were committed late, and rows that
	// no wake told of. Sweeps take at most a twentieth of the time.
	sweepAt  time.Time
	interval time.Duration // between sweeps that find nothing
}

func newClaimSchedule(cfg Config) claimSchedule {
	return claimSchedule{sweepMin: cfg.SweepMin, sweepMax: cfg.SweepMax, retryMin: cfg.RetryMin, retryMax: cfg.RetryMax, interval: cfg.SweepMin}
}

// claimKind is what a claim reads.
type claimKind int

const (
	readNothing claimKind = iota // not yet: the last claim failed
	readOn                       // the lanes that have more rows, from where they are
	readNew                      // in addition the others, from the highest row at the last sweep on
	readAll                      // a sweep: all lanes, from the first row on
)

const (
	minRest = time.Millisecond // timers are not finer than 1 ms
	maxRest = 5 * time.Millisecond
	// longestSweepWait times sweepMax is the longest wait for the next sweep. Without a limit, a process that is paused for 20
	// seconds during a sweep would not sweep again for 400 seconds.
	longestSweepWait = 10
	// sweepShare bounds the time for sweeps: they take at most one part in sweepShare.
	sweepShare = 20
)

// wake makes the next claim read new rows.
func (s *claimSchedule) wake() { s.woken = true }

// next returns what a claim at the time now reads, and when to ask again if nothing happens before.
func (s *claimSchedule) next(now time.Time) (kind claimKind, again time.Time) {
	switch {
	case now.Before(s.retryAt):
		return readNothing, s.retryAt
	case !now.Before(s.sweepAt):
		s.sweepAt, s.woken = now.Add(s.sweepMax), false
		return readAll, s.sweepAt
	case !s.woken:
		return readOn, s.sweepAt
	case now.Before(s.restUntil):
		if s.restUntil.Before(s.sweepAt) {
			return readOn, s.restUntil
		}
		return readOn, s.sweepAt
	default:
		s.woken = false
		return readNew, s.sweepAt
	}
}

// failed notes that a claim failed after this time.
func (s *claimSchedule) failed(now time.Time, took time.Duration) {
	s.rest(now, took)
	s.failures++
	s.retryAt = now.Add(backoff(s.failures, s.retryMin, s.retryMax))
}

// claimed notes that a claim took this long and found this many new rows.
func (s *claimSchedule) claimed(now time.Time, kind claimKind, took time.Duration, found int) {
	s.rest(now, took)
	s.failures = 0
	if kind != readAll {
		return
	}
	if s.interval = min(2*s.interval, s.sweepMax); found > 0 {
		s.interval = s.sweepMin
	}
	s.sweepTook = min(took, longestSweepWait*s.sweepMax/sweepShare)
	s.sweepAt = now.Add(max(s.interval, sweepShare*s.sweepTook))
}

func (s *claimSchedule) rest(now time.Time, took time.Duration) {
	if took >= minRest {
		s.restUntil = now.Add(min(took, maxRest))
	}
}

// sweepSoon makes the next sweep come soon: a row waits for its predecessor, which only a sweep finds.
func (s *claimSchedule) sweepSoon(now time.Time) {
	if at := now.Add(max(s.sweepMin, sweepShare*s.sweepTook)); at.Before(s.sweepAt) {
		s.sweepAt = at
	}
}

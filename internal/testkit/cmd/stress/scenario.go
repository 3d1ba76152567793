package main

import (
	"context"
	"slices"
	"time"
)

// form is how long and how often everything is measured.
type form struct {
	rows          int           // products in the tables
	rounds        int           // of each attack; a round is a quiet time and then the attack
	calm          time.Duration // the longest wait for a calm time before a round
	quiet, attack time.Duration
	most          time.Duration // for everything; 0 is without limit
}

var (
	whole = form{rows: 300_000, rounds: 2, calm: 20 * time.Second, quiet: 4 * time.Second, attack: 8 * time.Second}
	brief = form{rows: 50_000, rounds: 1, calm: 2 * time.Second, quiet: time.Second, attack: 2 * time.Second, most: 2 * time.Minute}
)

const (
	// normalTime is how long the victims must be served as usual, to say that everything is back to normal.
	normalTime = time.Second
	// normalPatience is how long the program waits for that.
	normalPatience = 10 * time.Second
	// calmFloor is the least median that counts: smaller times say nothing.
	calmFloor = time.Millisecond
)

// measured is what one attack did, in all its rounds.
type measured struct {
	quiet, attacked []sample
	tallies         []tally
	peak, quietPeak float64       // MiB, of the attacked service
	normal          time.Duration // until everything was back to normal
	ended           bool          // a service did not survive
}

// runScenario measures the victims without and with the attack, in turn.
func runScenario(ctx context.Context, s *system, v *victims, a attackKind, form form) (result, error) {
	var m measured
	for range form.rounds {
		if err := m.round(ctx, s, v, a, form); err != nil {
			return result{}, err
		}
		if m.ended {
			break
		}
	}
	return judge(s.attacked.name, a, m), nil
}

func (m *measured) round(ctx context.Context, s *system, v *victims, a attackKind, form form) error {
	if err := v.awaitCalm(ctx, form.calm); err != nil {
		return err
	}
	if err := s.attacked.forgetPeak(); err != nil {
		return err
	}
	began := time.Now()
	wait(ctx, form.quiet)
	quiet, err := s.attacked.peak()
	if err != nil {
		return err
	}
	if len(m.tallies) == 0 { // later, the process still has the memory of the first attack
		m.quietPeak = quiet
	}
	attacked := time.Now()
	running, err := startAttack(ctx, a.name, target{Service: s.attacked.name, Addr: s.attacked.addr, Database: s.attacked.database, Rows: form.rows})
	if err != nil {
		return err
	}
	wait(ctx, form.attack)
	tally, err := running.stop()
	if err != nil {
		return err
	}
	m.tallies = append(m.tallies, tally)
	over := time.Now()
	if m.ended = s.attacked.ended() || s.other.ended(); m.ended {
		return nil
	}
	normal, err := awaitNormal(ctx, v, over, limitsOf(v.between(began, attacked)))
	if err != nil {
		return err
	}
	if err := v.settle(ctx, over, normalPatience); err != nil {
		return err
	}
	before, during := v.between(began, attacked), v.between(attacked, over)
	m.quiet, m.attacked = append(m.quiet, before...), append(m.attacked, during...)
	m.normal = max(m.normal, normal, lastArrival(during).Sub(over))
	peak, err := s.attacked.peak()
	m.peak = max(m.peak, peak)
	v.forget(over)
	return err
}

// awaitCalm waits until reads are about as fast as in the calmest time of the whole run. Otherwise, what an attack leaves
// behind would count as the time without the next one. It gives up after patience: this machine may have become slower.
func (v *victims) awaitCalm(ctx context.Context, patience time.Duration) error {
	const step = 250 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		wait(ctx, step)
		now := time.Now()
		recent := v.between(now.Add(-normalTime), now)
		median := quantile(served(recent, read), 0.5)
		calm := len(recent) >= rates[read]/2 && median > 0
		if calm && (v.calmest == 0 || median < v.calmest) {
			v.calmest = median
		}
		if calm && median <= 2*max(v.calmest, calmFloor) || now.After(deadline) {
			return ctx.Err()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// awaitNormal waits until the victims have been served as usual for normalTime, and returns how long after a time this
// began. It gives up after normalPatience.
func awaitNormal(ctx context.Context, v *victims, since time.Time, limits map[string]time.Duration) (time.Duration, error) {
	const step = 100 * time.Millisecond
	for from := since; ; from = from.Add(step) {
		to := from.Add(normalTime)
		wait(ctx, time.Until(to.Add(step)))
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if after := from.Sub(since); normal(v.between(from, to), limits) || after >= normalPatience {
			return after, nil
		}
	}
}

// normal reports whether all requests were served, nine tenths of each kind within their limit. A single slow answer says
// nothing, because this machine does other things too.
func normal(samples []sample, limits map[string]time.Duration) bool {
	for kind, limit := range limits {
		all, good := 0, 0
		for _, s := range samples {
			if s.kind != kind {
				continue
			}
			if all++; s.pending || s.outcome != done {
				return false
			}
			if s.took <= limit {
				good++
			}
		}
		if all == 0 || good*10 < all*9 {
			return false
		}
	}
	return true
}

// lastArrival returns when the last of these changes arrived.
func lastArrival(samples []sample) (last time.Time) {
	for _, s := range samples {
		if at := s.sent.Add(s.took); s.kind == change && at.After(last) {
			last = at
		}
	}
	return last
}

// quantile returns the value that is greater than a share q of all values, or 0 without values.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

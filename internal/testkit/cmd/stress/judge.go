package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// floor is a p99 that always meets its aim. Without an attack, p99 is about 2 ms. On a machine with two CPUs, a single wait for
	// the CPU takes some milliseconds, so a few times so little is within the noise.
	floor = 10 * time.Millisecond
	// grossly is how many times its tolerance a tenth of the requests may take. Only more makes the program fail. Speed is never
	// asserted by a test, and a single slow answer can be the fault of this machine, but when many victims wait for a second,
	// that is not a question of speed.
	grossly = 10
	// maxPeak is the most memory that the attacked service may use, in MiB.
	maxPeak = 512
	// maxNormal is how long after an attack everything must be back to normal.
	maxNormal = 5 * time.Second
)

// aims are how many times its p99 without an attack the p99 of a victim may be during the attack.
var aims = map[string]int{read: 5, create: 10, change: 10}

// ofLists are the attacks that use up the connections of lists and searches. They may refuse other lists.
var ofLists = []string{"search", "letters", "pages"}

// mostConnections is the number of connections that the services allow a peer.
const mostConnections = 1024

// result is what the table shows about an attack.
type result struct {
	Service   string    `json:"service"`
	Attack    string    `json:"attack"`
	About     string    `json:"about"`
	Victims   []figures `json:"victims"`
	Answers   []string  `json:"answers"` // to the attacker, in each round
	QuietPeak float64   `json:"memory_without_mib"`
	Peak      float64   `json:"memory_mib"`
	Normal    float64   `json:"normal_after_s"`
	Missed    []string  `json:"missed,omitempty"` // aims
	Faults    []string  `json:"faults,omitempty"` // what makes the program fail
}

// figures are the times of one kind of victim, in milliseconds, without and with the attack.
type figures struct {
	Victim  string  `json:"victim"`
	Sent    int     `json:"sent"` // during the attack
	Refused int     `json:"refused"`
	Failed  int     `json:"failed"`
	Without pair    `json:"without_ms"`
	With    pair    `json:"with_ms"`
	Ratio   float64 `json:"ratio_p99"`
}

type pair struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// limitsOf returns what a victim tolerates, from samples without an attack.
func limitsOf(quiet []sample) map[string]time.Duration {
	limits := map[string]time.Duration{}
	for _, kind := range []string{read, create} {
		limits[kind] = tolerance(kind, quantile(served(quiet, kind), 0.99))
	}
	return limits
}

// aim returns the highest p99 that meets the aim. quiet is the p99 without an attack.
func aim(kind string, quiet time.Duration) time.Duration {
	return max(time.Duration(aims[kind])*quiet, floor)
}

// tolerance returns the time from which an answer counts as slow. Because it decides whether the program fails, it does not depend
// on the noise of small times.
func tolerance(kind string, quiet time.Duration) time.Duration {
	return time.Duration(aims[kind]) * max(quiet, floor)
}

// served returns the times of the requests of a kind that were served.
func served(samples []sample, kind string) (times []time.Duration) {
	for _, s := range samples {
		if s.kind == kind && s.outcome == done && !s.pending {
			times = append(times, s.took)
		}
	}
	return times
}

// judge compares what was measured with the aims.
func judge(service string, a attackKind, m measured) result {
	r := result{Service: service, Attack: a.name, About: a.about, QuietPeak: m.quietPeak, Peak: m.peak, Normal: m.normal.Seconds()}
	if m.ended {
		r.Faults = append(r.Faults, "a service has ended")
		return r
	}
	for _, kind := range []string{read, create, change, listing, probe} {
		r.judgeVictim(kind, m)
	}
	for _, t := range m.tallies {
		r.judgeAttack(a, t)
	}
	if m.peak > maxPeak {
		r.fault("the service used %.0f MiB, more than %d", m.peak, maxPeak)
	}
	if m.normal > maxNormal {
		r.fault("not back to normal within %s", maxNormal)
	}
	return r
}

func (r *result) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

func (r *result) judgeVictim(kind string, m measured) {
	quiet, attacked := served(m.quiet, kind), served(m.attacked, kind)
	f := figures{Victim: kind, Without: pairOf(quiet), With: pairOf(attacked)}
	said := ""
	for _, s := range m.attacked {
		if s.kind != kind {
			continue
		}
		f.Sent++
		switch s.outcome {
		case refused:
			f.Refused++
		case failed:
			f.Failed++
			said = s.said
		case done:
		}
	}
	for _, s := range m.quiet {
		if s.kind == kind && s.outcome != done {
			r.fault("%s: not served without an attack: %s", kind, s.said)
			break
		}
	}
	if f.Without.P99 > 0 {
		f.Ratio = f.With.P99 / f.Without.P99
	}
	r.Victims = append(r.Victims, f)
	switch {
	case f.Failed > 0:
		r.fault("%s: %d of %d failed, such as: %s", kind, f.Failed, f.Sent, said)
	case kind == probe && f.Refused > 0:
		r.fault("%s: %d of %d said that the service is not ready", kind, f.Refused, f.Sent)
	case f.Refused*2 > f.Sent && (kind != listing || !slices.Contains(ofLists, r.Attack)):
		r.fault("%s: %d of %d were refused", kind, f.Refused, f.Sent)
	}
	if aims[kind] > 0 {
		r.judgeTime(kind, f, quiet, attacked)
	}
}

// judgeTime compares the p99 with the aim. If more than 1% of the requests were refused, the p99 of the others says nothing.
func (r *result) judgeTime(kind string, f figures, quiet, attacked []time.Duration) {
	before := quantile(quiet, 0.99)
	if most := aim(kind, before); quantile(attacked, 0.99) > most {
		r.Missed = append(r.Missed, fmt.Sprintf("%s: p99 %.0f ms, aim %.0f", kind, f.With.P99, milliseconds(most)))
	}
	if f.Refused*100 > f.Sent {
		r.Missed = append(r.Missed, fmt.Sprintf("%s: %d of %d refused", kind, f.Refused, f.Sent))
	}
	if slow, most := quantile(attacked, 0.9), grossly*tolerance(kind, before); slow > most {
		r.fault("%s: a tenth took %.0f ms or more, more than %.0f", kind, milliseconds(slow), milliseconds(most))
	}
}

// judgeAttack looks at the answers to the attacker, and whether the attack happened at all.
func (r *result) judgeAttack(a attackKind, t tally) {
	r.Answers = append(r.Answers, t.String())
	total, wrong := t.Opened+t.Unfinished, t.NoRetryAfter
	for status, n := range t.Answers {
		total += n
		switch {
		case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || slices.Contains(a.answers, status):
		case status >= 500:
			wrong += n
		default:
			r.fault("the attack got %d × %d, which it does not expect", n, status)
		}
	}
	if served := t.Answers[http.StatusOK]; a.name == idleAttack && served > mostConnections {
		r.fault("%d connections were served at the same time, more than %d", served, mostConnections)
	}
	if a.name == idleAttack && t.Opened > mostConnections && t.Cut == 0 {
		r.fault("%d connections were opened, and none was refused", t.Opened)
	}
	if total == 0 {
		r.fault("the attack did not happen: %d connections were closed", t.Cut)
	}
	if wrong > 0 {
		r.fault("%d answers to the attacker were 5xx, but not 503 with Retry-After, such as: %s", wrong, t.Example)
	}
}

func pairOf(times []time.Duration) pair {
	return pair{milliseconds(quantile(times, 0.5)), milliseconds(quantile(times, 0.99))}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// verdict returns an error if an attack had a fault. A missed aim alone is not an error.
func verdict(results []result) error {
	var failed []string
	for _, r := range results {
		if len(r.Faults) > 0 {
			failed = append(failed, r.Service+" "+r.Attack)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("the service did not stand: %s", strings.Join(failed, ", "))
	}
	return nil
}

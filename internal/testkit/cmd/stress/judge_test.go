package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// many returns n samples of a kind that took a time.
func many(n int, kind string, took time.Duration) (list []sample) {
	for range n {
		list = append(list, sample{kind: kind, took: took})
	}
	return list
}

// calm returns what an attack measures that disturbs nobody.
func calm() measured {
	var quiet []sample
	for _, kind := range []string{read, create, change, listing, probe} {
		quiet = append(quiet, many(100, kind, 2*time.Millisecond)...)
	}
	return measured{quiet: quiet, attacked: quiet, quietPeak: 40, peak: 60,
		tallies: []tally{{Answers: map[int]int{200: 10, 503: 10}}}}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change       func(m *measured)
		missed, says string // the only missed aim and fault, or a part of it
	}{
		"nothing is disturbed": {change: func(*measured) {}},
		"below the floor":      {change: func(m *measured) { m.attacked = append(m.attacked, many(5, create, 10*time.Millisecond)...) }},
		"one read of a hundred is slow": {change: func(m *measured) {
			m.attacked = append(m.attacked, many(5, read, 11*time.Millisecond)...)
		}, missed: "read: p99 11 ms, aim 10"},
		"the aim depends on the time without an attack": {change: func(m *measured) {
			m.quiet = append(m.quiet, many(5, create, 20*time.Millisecond)...)
			m.attacked = append(m.attacked, many(5, create, 199*time.Millisecond)...)
		}},
		"a change is late": {change: func(m *measured) {
			m.attacked = append(m.attacked, many(5, change, 21*time.Millisecond)...)
		}, missed: "change: p99 21 ms, aim 20"},
		"a list has no aim": {change: func(m *measured) { m.attacked = append(m.attacked, many(50, listing, 9*time.Second)...) }},
		"a few requests miss the aim grossly": {change: func(m *measured) {
			m.attacked = append(m.attacked, many(10, read, 9*time.Second)...)
		}, missed: "read: p99 9000 ms, aim 10"},
		"many requests miss the aim grossly": {change: func(m *measured) {
			m.attacked = append(m.attacked, many(13, read, 501*time.Millisecond)...)
		}, missed: "read: p99 501 ms, aim 10", says: "read: a tenth took 501 ms or more, more than 500"},
		"some are refused": {change: func(m *measured) {
			m.attacked = append(m.attacked, sample{kind: create, outcome: refused}, sample{kind: create, outcome: refused})
		}, missed: "create: 2 of 102 refused"},
		"most are refused": {change: func(m *measured) {
			for range 101 {
				m.attacked = append(m.attacked, sample{kind: create, outcome: refused})
			}
		}, missed: "create: 101 of 201 refused", says: "create: 101 of 201 were refused"},
		"most lists are refused": {change: func(m *measured) {
			for range 101 {
				m.attacked = append(m.attacked, sample{kind: listing, outcome: refused})
			}
		}, says: "list: 101 of 201 were refused"},
		"one fails": {change: func(m *measured) {
			m.attacked = append(m.attacked, sample{kind: read, outcome: failed, said: "EOF"})
		}, says: "read: 1 of 101 failed, such as: EOF"},
		"one fails without an attack": {change: func(m *measured) {
			m.quiet = append(m.quiet, sample{kind: read, outcome: failed, said: "EOF"})
		}, says: "read: not served without an attack: EOF"},
		"the service says that it is not ready": {change: func(m *measured) {
			m.attacked = append(m.attacked, sample{kind: probe, outcome: refused})
		}, says: "probe: 1 of 101 said that the service is not ready"},
		"the attacker gets a 500": {change: func(m *measured) {
			m.tallies = []tally{{Answers: map[int]int{200: 1, 500: 2}, Example: "500 oh"}}
		}, says: "2 answers to the attacker were 5xx, but not 503 with Retry-After, such as: 500 oh"},
		"the attacker gets no Retry-After": {change: func(m *measured) {
			m.tallies = []tally{{Answers: map[int]int{503: 3}, NoRetryAfter: 2, Example: "503 no"}}
		}, says: "2 answers to the attacker were 5xx, but not 503 with Retry-After, such as: 503 no"},
		"the attack is another one": {change: func(m *measured) {
			m.tallies = []tally{{Answers: map[int]int{415: 7}}}
		}, says: "the attack got 7 × 415, which it does not expect"},
		"the attack did not happen": {change: func(m *measured) {
			m.tallies = []tally{{Cut: 5}}
		}, says: "the attack did not happen: 5 connections were closed"},
		"memory":               {change: func(m *measured) { m.peak = 513 }, says: "the service used 513 MiB, more than 512"},
		"not back to normal":   {change: func(m *measured) { m.normal = 5100 * time.Millisecond }, says: "not back to normal within 5s"},
		"the service is gone":  {change: func(m *measured) { *m = measured{ended: true} }, says: "a service has ended"},
		"slow answers do":      {change: func(m *measured) { m.tallies = []tally{{Unfinished: 5}} }},
		"held connections do":  {change: func(m *measured) { m.tallies = []tally{{Opened: 5}} }},
		"normal after a while": {change: func(m *measured) { m.normal = 4900 * time.Millisecond }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := calm()
			tt.change(&m)
			r := judge(monolith, attackKind{name: "x", answers: []int{200}}, m)
			if got := strings.Join(r.Missed, "; "); got != tt.missed {
				t.Errorf("missed %q, want %q", got, tt.missed)
			}
			if got := strings.Join(r.Faults, "; "); got != tt.says {
				t.Errorf("faults %q, want %q", got, tt.says)
			}
			if err := verdict([]result{r}); (err != nil) != (tt.says != "") {
				t.Errorf("verdict: %v", err)
			}
			var shown bytes.Buffer
			r.print(&shown)
			for _, want := range append(r.Missed, r.Faults...) {
				if !strings.Contains(shown.String(), want) {
					t.Errorf("the table does not show %q:\n%s", want, shown.String())
				}
			}
		})
	}
}

// Searches use up the connections of lists, and may refuse other lists.
func TestSearchesMayRefuseLists(t *testing.T) {
	t.Parallel()
	for _, attack := range ofLists {
		m := calm()
		for range 101 {
			m.attacked = append(m.attacked, sample{kind: listing, outcome: refused})
		}
		if r := judge(monolith, attackKind{name: attack, answers: []int{200}}, m); len(r.Faults) > 0 || len(r.Missed) > 0 {
			t.Errorf("%s: %v, %v", attack, r.Faults, r.Missed)
		}
	}
}

// The attack with many connections must reach the limit, and not go beyond it.
func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tally tally
		want  string
	}{
		"refused":     {tally{Answers: map[int]int{200: 1024}, Opened: 2000, Cut: 976}, ""},
		"not reached": {tally{Answers: map[int]int{200: 900}, Opened: 1000}, ""},
		"served":      {tally{Answers: map[int]int{200: 1025}, Opened: 2000, Cut: 975}, "1025 connections were served at the same time, more than 1024"},
		"left open":   {tally{Answers: map[int]int{200: 1000}, Opened: 2000}, "2000 connections were opened, and none was refused"},
	} {
		m := calm()
		m.tallies = []tally{tt.tally}
		r := judge(monolith, attackKind{name: idleAttack, answers: []int{200}}, m)
		if got := strings.Join(r.Faults, "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	m := calm()
	m.attacked = append(m.attacked, many(5, read, 11*time.Millisecond)...)
	var out bytes.Buffer
	show := shown{out: &out, markdown: true}
	if err := show.all([]result{judge(catalog, attackKind{name: "x", answers: []int{200}}, m)}); err != nil {
		t.Fatal(err)
	}
	const want = "| catalog | `x` | 2 / 2 → 2 / 11 | 2 / 2 → 2 / 2 | 2 / 2 → 2 / 2 | 2 / 2 → 2 / 2 | 0 of 505 | 40 → 60 | 0.0 s | missed: read: p99 11 ms, aim 10 |\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("%s\nwant %s", out.String(), want)
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	limits := map[string]time.Duration{read: 50 * time.Millisecond}
	fast, slow := many(9, read, time.Millisecond), many(1, read, time.Second)
	for name, tt := range map[string]struct {
		samples []sample
		want    bool
	}{
		"fast":                {fast, true},
		"nine of ten":         {append(fast, slow...), true},
		"eight of ten":        {append(fast[:8:8], append(slow, slow...)...), false},
		"nothing was sent":    {many(9, create, time.Millisecond), false},
		"one is pending":      {append(fast, sample{kind: read, pending: true}), false},
		"one is refused":      {append(fast, sample{kind: read, outcome: refused}), false},
		"another kind failed": {append(fast, sample{kind: probe, outcome: failed}), true},
	} {
		if got := normal(tt.samples, limits); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		after  string
		err    error
		want   outcome
	}{
		"created":              {status: 201, want: done},
		"refused":              {status: 503, after: "1", want: refused},
		"without Retry-After":  {status: 503, want: failed},
		"fault":                {status: 500, want: failed},
		"conflict":             {status: 409, want: failed},
		"a broken connection":  {err: io.ErrUnexpectedEOF, want: failed},
		"500 with Retry-After": {status: 500, after: "1", want: failed},
	} {
		got, said := outcomeOf(tt.status, tt.after, nil, tt.err)
		if got != tt.want || (said != "") != (got == failed) {
			t.Errorf("%s: %d, %q", name, got, said)
		}
	}
}

func TestPeakOf(t *testing.T) {
	t.Parallel()
	if got, err := peakOf("VmPeak:\t  900 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"); err != nil || got != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := peakOf("VmPeak:\t  900 kB\n"); err == nil {
		t.Error("no error without the line")
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// print shows an attack: a line for each kind of victim, then what happened to the service.
func (r result) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %s: %s\n", r.Service, r.Attack, r.About)
	fmt.Fprintf(out, "  %-8s %22s %22s %7s %9s\n", "", "p50 ms without, with", "p99 ms without, with", "ratio", "refused")
	for _, v := range r.Victims {
		fmt.Fprintf(out, "  %-8s %11s %10s %11s %10s %7.1f %5d/%d\n", v.Victim,
			number(v.Without.P50), number(v.With.P50), number(v.Without.P99), number(v.With.P99), v.Ratio, v.Refused, v.Sent)
	}
	fmt.Fprintf(out, "  memory %.0f MiB, %.0f with; back to normal after %.1f s\n", r.QuietPeak, r.Peak, r.Normal)
	for _, answers := range r.Answers {
		fmt.Fprintf(out, "  the attacker got %s\n", answers)
	}
	for _, m := range r.Missed {
		fmt.Fprintf(out, "  missed  %s\n", m)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(out, "  FAULT   %s\n", f)
	}
	fmt.Fprintln(out)
}

// printAims counts the attacks whose aims were reached.
func printAims(out io.Writer, results []result) {
	reached := 0
	for _, r := range results {
		if len(r.Missed)+len(r.Faults) == 0 {
			reached++
		}
	}
	fmt.Fprintf(out, "All aims reached during %d of %d attacks. Aims: p99 of read at most %d times, of create and change at most %d times "+
		"the p99 without the attack, or at most %s; no 5xx but 503 with Retry-After; at most %d MiB; back to normal within %s.\n",
		reached, len(results), aims[read], aims[create], floor, maxPeak, maxNormal)
}

// number formats small values with three significant digits, and large values without a fraction.
func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// shown shows results as the options ask for.
type shown struct {
	out            io.Writer
	json, markdown bool
}

// one shows a result as soon as it is there.
func (s *shown) one(r result) {
	if !s.json {
		r.print(s.out)
	}
}

// all shows all results together.
func (s *shown) all(results []result) error {
	if s.json {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(results)
	}
	if s.markdown {
		printMarkdown(s.out, results)
	}
	printAims(s.out, results)
	return nil
}

// printMarkdown prints a table for docs/benchmarks.md. A cell has p50 and p99 without the attack, and then with it.
func printMarkdown(out io.Writer, results []result) {
	fmt.Fprintln(out, "| service | attack | read | create | change | list | refused | memory, MiB | normal after | aims |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range results {
		fmt.Fprintf(out, "| %s | `%s` |", r.Service, r.Attack)
		refused, sent := 0, 0
		for _, v := range r.Victims {
			refused, sent = refused+v.Refused, sent+v.Sent
			if v.Victim != probe {
				fmt.Fprintf(out, " %s / %s → %s / %s |", number(v.Without.P50), number(v.Without.P99), number(v.With.P50), number(v.With.P99))
			}
		}
		reached := "met"
		if len(r.Missed)+len(r.Faults) > 0 {
			reached = "missed: " + strings.Join(append(r.Missed, r.Faults...), "; ")
		}
		fmt.Fprintf(out, " %d of %d | %.0f → %.0f | %.1f s | %s |\n", refused, sent, r.QuietPeak, r.Peak, r.Normal, reached)
	}
	fmt.Fprintln(out)
}

package main

import (
	"fmt"
	"io"
)

// print shows an attack: a line for each kind of victim, then what happened to the service.
func (r result) print(out io.Writer) {
	fmt.Fprintf(out, "%s: %s\n", r.Attack, r.About)
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
		"the p99 without the attack, which counts as %s at least; no 5xx but 503 with Retry-After; at most %d MiB; back to normal within %s.\n",
		reached, len(results), aims[read], aims[create], floor, maxPeak, maxNormal)
}

// number formats small values with three significant digits, and large values without a fraction.
func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

package main

import (
	"fmt"
	"io"
	"slices"
)

// row is one line of the table. A zero bound means that there is none.
type row struct {
	name  string
	value float64
	unit  string
	bound float64 // the same rows and bytes without our bookkeeping
	ratio float64 // of value to bound
}

// table prints rows as they come, under one heading.
type table struct {
	out    io.Writer
	headed bool
}

func newTable(out io.Writer) *table { return &table{out: out} }

func (t *table) print(rows []row) {
	if !t.headed {
		fmt.Fprintf(t.out, "%-52s %12s %-10s %12s %7s\n", "name", "value", "unit", "bound", "ratio")
		t.headed = true
	}
	for _, r := range rows {
		bound, ratio := "-", "-"
		if r.bound != 0 {
			bound, ratio = number(r.bound), fmt.Sprintf("%.2f", r.ratio)
		}
		fmt.Fprintf(t.out, "%-52s %12s %-10s %12s %7s\n", r.name, number(r.value), r.unit, bound, ratio)
	}
}

// number keeps three significant digits of what is small, and no fraction of what is large.
func number(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// median returns the middle value, of an even number the higher of the two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

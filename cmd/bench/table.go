package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/term"
)

// row is one line of the table. A zero bound means that there is none.
type row struct {
	name  string
	value float64
	unit  string
	bound float64 // the same rows and bytes without the system's bookkeeping
	ratio float64 // of value to bound; if each pair has a ratio, their median
	note  string
}

// table prints each row when it is added, under one heading, or all rows as one JSON document.
type table struct {
	out    io.Writer
	asJSON bool
	headed bool
	lines  []jsonRow
}

type jsonRow struct {
	Part  string  `json:"part"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Bound float64 `json:"bound,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
	Note  string  `json:"note,omitempty"`
}

func newTable(out io.Writer, asJSON bool) *table {
	return &table{out: out, asJSON: asJSON, lines: []jsonRow{}}
}

func (t *table) add(part string, rows []row) {
	if !t.headed && !t.asJSON {
		fmt.Fprintf(t.out, "%-53s %10s %-9s %10s %6s\n", "", "value", "unit", "bound", "ratio")
		t.headed = true
	}
	for _, r := range rows {
		if t.asJSON {
			t.lines = append(t.lines, jsonRow{part, r.name, r.value, r.unit, r.bound, r.ratio, r.note})
			continue
		}
		bound, ratio, note := "-", "-", ""
		if r.bound != 0 {
			bound, ratio = number(r.bound), fmt.Sprintf("%.2f", r.ratio)
		}
		if r.note != "" {
			note = "  " + r.note
		}
		fmt.Fprintf(t.out, "%-53s %10s %-9s %10s %6s%s\n", r.name, number(r.value), r.unit, bound, ratio, note)
	}
}

// finish prints the machine, the PostgreSQL and the broker of the measurements. broker is empty if no suite needed one.
func (t *table) finish(broker string) error {
	if t.asJSON {
		e := json.NewEncoder(t.out)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"cpus": runtime.NumCPU(), "go": runtime.Version(), "broker": broker, "rows": t.lines})
	}
	fmt.Fprintf(t.out, "\n%d CPUs, %s", runtime.NumCPU(), runtime.Version())
	switch broker {
	case "":
		fmt.Fprintln(t.out, ".")
	case embeddedName:
		fmt.Fprintf(t.out, ", %s: its figures say nothing about Kafka. With a real Kafka:\n"+
			"  go run ./internal/testkit/cmd/realkafka -- make bench\n", broker)
	default:
		fmt.Fprintf(t.out, ", %s.\n", broker)
	}
	return nil
}

// number formats small values with three significant digits, and large values without a fraction.
func number(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// median returns the middle value. If there are two, it returns the higher one.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value that is greater than a share q of all values. There must be at least one value.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// progress shows on a terminal what the bench is doing. If the output is not a terminal, it shows nothing.
type progress struct {
	out   io.Writer // nil if the output is not a terminal
	began time.Time
}

func newProgress(out io.Writer) *progress {
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		out = nil
	}
	return &progress{out: out, began: time.Now()}
}

func (p *progress) step(what string) {
	if p.out != nil {
		fmt.Fprintf(p.out, "\r\033[K%4.0f s  %s", time.Since(p.began).Seconds(), what)
	}
}

func (p *progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

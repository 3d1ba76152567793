// Package bulkimport reads records from CSV or JSON and writes them through a business service. It validates everything
// before it writes anything, and it reports the faults with their lines. It knows no model.
//
// The records of an input are not kept in memory, because there may be a million of them. Instead, the input is read several
// times. The first pass finds the faults of single records. The model's check then reads all records once or more, and the last
// pass writes them. The import keeps only the line of each record, and what the model's check keeps (package recordindex).
package bulkimport

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/terminal"
)

// Fault is one thing that is wrong with the input.
type Fault struct {
	Line   int    `json:"line"`             // counted from 1; in a JSON array, the line on which the record begins
	Column string `json:"column,omitempty"` // empty if the fault concerns the whole record
	Detail string `json:"detail"`
	// MayPass reports whether the fault may disappear. The record then refers to something that another service may announce
	// later.
	MayPass bool `json:"may_pass,omitempty"`
}

// maxFaults is how many faults of an input are listed. The others are counted.
const maxFaults = 1000

// Faults is an error that lists the faults of one input, in the order of its lines.
type Faults struct {
	Source string // the name of the input for people: a path, "standard input"
	List   []Fault
	More   int // faults that are not listed

	moreStay bool // a fault that is not listed cannot disappear
}

// add lists faults. When the list is full, it counts them.
func (f *Faults) add(faults ...Fault) {
	for _, fault := range faults {
		if len(f.List) < maxFaults {
			f.List = append(f.List, fault)
			continue
		}
		f.More++
		f.moreStay = f.moreStay || !fault.MayPass
	}
}

// addAll adds the faults of another list, with those that it only counts.
func (f *Faults) addAll(o *Faults) {
	f.add(o.List...)
	f.More += o.More
	f.moreStay = f.moreStay || o.moreStay
}

// Error lists the faults, one a line, as "SOURCE:LINE: COLUMN: DETAIL". Everything except the numbers may come from
// outside, so it is escaped.
func (f *Faults) Error() string {
	var b strings.Builder
	for i, x := range f.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d: ", terminal.Line(f.Source), x.Line)
		if x.Column != "" {
			b.WriteString(terminal.Line(x.Column) + ": ")
		}
		b.WriteString(terminal.Line(x.Detail))
	}
	if f.More > 0 {
		fmt.Fprintf(&b, "\n%s: %d more faults", terminal.Line(f.Source), f.More)
	}
	return b.String()
}

// MayPass reports whether a later try can help every record that has a fault.
func (f *Faults) MayPass() bool {
	return !f.moreStay && !slices.ContainsFunc(f.List, func(x Fault) bool { return !x.MayPass })
}

// orNil returns f as an error if it lists any fault.
func (f *Faults) orNil() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return f
}

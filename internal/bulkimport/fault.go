// Package bulkimport reads records from CSV or JSON and writes them through a business service. It validates everything
// before it writes anything, and it reports the faults with their lines. It knows no model.
//
// A million records are not kept in memory: the input is read once to find the faults of single records, again for each look
// that a model takes at all of them, and at last to write them. What stays of each record is its line, and what the model's check
// keeps (package recordindex).
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
	// MayPass reports whether the fault may disappear: the record refers to something that another service may announce
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

	moreStay bool // one of them cannot disappear
}

// add lists faults, or counts those for which there is no room.
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

// Error lists the faults, one a line, as "SOURCE:LINE: COLUMN: DETAIL". All but the numbers may come from outside, so they
// are escaped.
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

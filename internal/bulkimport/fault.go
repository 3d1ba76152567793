// Package bulkimport reads records from CSV or JSON and writes them through a business service. It validates everything
// before it writes anything, and it reports every fault with its line. It knows no model.
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

// Faults is an error that lists all faults of one input, in the order of its lines.
type Faults struct {
	Source string // the name of the input for people: a path, "standard input"
	List   []Fault
}

// Error lists all faults, one a line, as "SOURCE:LINE: COLUMN: DETAIL". All but the numbers may come from outside, so they
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
	return b.String()
}

// MayPass reports whether a later try can help every record that has a fault.
func (f *Faults) MayPass() bool {
	return !slices.ContainsFunc(f.List, func(x Fault) bool { return !x.MayPass })
}

// orNil returns f as an error if it lists any fault.
func (f *Faults) orNil() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return f
}

// Package bulkimport reads records from CSV or JSON and writes them through a business service: everything is validated
// before anything is written, and every fault is reported with its line. It knows no model.
package bulkimport

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with the input.
type Fault struct {
	Line   int    `json:"line"`             // counted from 1; for a JSON array the line on which the record begins
	Column string `json:"column,omitempty"` // empty when the whole record is meant
	Detail string `json:"detail"`
	// MayPass says that the record names something which may still be on its way from another service.
	MayPass bool `json:"may_pass,omitempty"`
}

// Faults is the error that lists everything that is wrong with one input, in the order of its lines.
type Faults struct {
	Source string // what people call the input: a path, "standard input"
	List   []Fault
}

// Error lists all faults, one a line, as "SOURCE:LINE: COLUMN: DETAIL".
func (f *Faults) Error() string {
	var b strings.Builder
	for i, x := range f.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d: ", f.Source, x.Line)
		if x.Column != "" {
			b.WriteString(x.Column + ": ")
		}
		b.WriteString(x.Detail)
	}
	return b.String()
}

// MayPass says whether trying again later can help every record that is at fault.
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

package bulkimport

import (
	"fmt"
	"slices"
)

// Row is one record as text. A JSON null, an absent member and an empty CSV field are all the empty string.
type Row struct {
	Line   int
	fields map[string]string
	faults []Fault // of its form; its other columns are still checked
}

// NewRow returns a row that was not read from text, but generated or taken from a library.
func NewRow(line int, fields map[string]string) Row { return Row{Line: line, fields: fields} }

// Get returns the value of a column, or the empty string.
func (r Row) Get(column string) string { return r.fields[column] }

// Input is what was read: the rows, and the faults of form that left no row.
type Input struct {
	Source string // its name for people: a path, "standard input"
	Rows   []Row
	faults []Fault
	unit   string // what the rows' numbers count: "line" or "record"
}

// Records returns an input that was not read from text.
func Records(source string, rows []Row) Input {
	return Input{Source: source, Rows: rows, unit: "record"}
}

// Unreadable returns the faults of an input in which no row could be read, or nil. No further faults can be found in such
// an input.
func (in Input) Unreadable() error {
	if len(in.Rows) > 0 {
		return nil
	}
	return in.allFaults().orNil()
}

// allFaults returns all faults of the input's form.
func (in Input) allFaults() *Faults {
	faults := &Faults{Source: in.Source, List: slices.Clone(in.faults)}
	for _, row := range in.Rows {
		faults.List = append(faults.List, row.faults...)
	}
	return faults
}

// at returns the name of a row for people, such as "line 12".
func (in Input) at(row int) string { return fmt.Sprintf("%s %d", in.unit, in.Rows[row].Line) }

// blame adds a fault that belongs to no row.
func (in *Input) blame(line int, column, detail string) {
	in.faults = append(in.faults, Fault{Line: line, Column: column, Detail: detail})
}

// blame adds a fault of the row's form.
func (r *Row) blame(column, detail string) {
	r.faults = append(r.faults, Fault{Line: r.Line, Column: column, Detail: detail})
}

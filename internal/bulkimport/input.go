package bulkimport

import (
	"fmt"
	"slices"
)

// Row is one record as text. A JSON null, an absent member and an empty CSV field are all the empty string.
type Row struct {
	Line   int
	fields map[string]string
	faults []Fault // of its form; its other columns are still worth a look
}

// NewRow makes a row that was not read from text: generated, or taken from a library.
func NewRow(line int, fields map[string]string) Row { return Row{Line: line, fields: fields} }

// Get returns the value of a column, or the empty string.
func (r Row) Get(column string) string { return r.fields[column] }

// Input is what was read: the rows, and what is wrong with its form where that left no row.
type Input struct {
	Source string // what people call it: a path, "standard input"
	Rows   []Row
	faults []Fault
	unit   string // what the numbers of its rows count
}

// Records is an input that was not read from text.
func Records(source string, rows []Row) Input {
	return Input{Source: source, Rows: rows, unit: "record"}
}

// Unreadable returns the faults of an input in which no row could be read, or nil: nothing more can be found in it.
func (in Input) Unreadable() error {
	if len(in.Rows) > 0 {
		return nil
	}
	return in.allFaults().orNil()
}

// allFaults is everything that is wrong with the input's form.
func (in Input) allFaults() *Faults {
	faults := &Faults{Source: in.Source, List: slices.Clone(in.faults)}
	for _, row := range in.Rows {
		faults.List = append(faults.List, row.faults...)
	}
	return faults
}

// at names a row for people, as in "line 12".
func (in Input) at(row int) string { return fmt.Sprintf("%s %d", in.unit, in.Rows[row].Line) }

// blame keeps a fault that no row carries.
func (in *Input) blame(line int, column, detail string) {
	in.faults = append(in.faults, Fault{Line: line, Column: column, Detail: detail})
}

// blame keeps a fault of the row's form.
func (r *Row) blame(column, detail string) {
	r.faults = append(r.faults, Fault{Line: r.Line, Column: column, Detail: detail})
}

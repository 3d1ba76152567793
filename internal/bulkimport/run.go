package bulkimport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Outcome is the effect of writing one record.
type Outcome int

// The effects of writing a record.
const (
	Unchanged Outcome = iota // the record was already there, with the same values
	Created
	Updated
)

// Model defines how records of one model are read, checked and written.
type Model[T any] struct {
	Name    string // plural, such as "products"
	Columns []Column
	// Parse turns a row into a value. It returns a fault for every column that it cannot use.
	Parse func(Row) (T, []apperr.FieldError)
	// Validate returns the faults of a value by itself. Columns with a fault may be missing from the value.
	Validate func(T) error
	// Check applies the rules that need other values or the stored data. It gets all valid values at once, before anything
	// is written. It returns the fault of values[i] under key i. at returns the name of another record, such as "line 12".
	Check func(ctx context.Context, values []T, at func(i int) string) (map[int]error, error)
	// Write writes one value through the business service. Writing it again changes nothing.
	Write func(ctx context.Context, value T) (Outcome, error)
}

// Summary counts what an import did.
type Summary struct {
	Model     string `json:"model"`
	Created   int    `json:"created"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Skipped   bool   `json:"skipped,omitempty"` // the sample was imported into this database before
}

// String returns the summary in one line.
func (s Summary) String() string {
	if s.Skipped {
		return s.Model + ": skipped, because the sample has been imported into this database before"
	}
	return fmt.Sprintf("%s: %d created, %d updated, %d unchanged", s.Model, s.Created, s.Updated, s.Unchanged)
}

// Written returns how many records the import created or updated.
func (s Summary) Written() int { return s.Created + s.Updated }

// Plus adds the summary of another part of the same import.
func (s Summary) Plus(o Summary) Summary {
	s.Created += o.Created
	s.Updated += o.Updated
	s.Unchanged += o.Unchanged
	return s
}

// record is a row without a fault of its own.
type record[T any] struct {
	row   int // in the input
	value T
}

// Run reports all faults in one list: of the input's form, of its values, and between its records. If there is no fault,
// it writes the records. The service may still refuse a record then; Run reports it as a fault and writes all others. Run
// calls progress with the number of records that are done.
func (m Model[T]) Run(ctx context.Context, in Input, progress func(done, total int)) (Summary, error) {
	summary := Summary{Model: m.Name}
	records, faults := m.parse(in)
	err := m.check(ctx, in, records, faults)
	if err = errors.Join(faults.orNil(), err); err != nil {
		return summary, err
	}
	w := writer[T]{model: m, in: in, progress: progress, summary: summary, total: len(records)}
	err = w.write(ctx, records)
	return w.summary, err
}

// parse returns the records without a fault of their own, and the faults of the rest of the input. Each column gets the
// faults of the first stage that finds one in it.
func (m Model[T]) parse(in Input) ([]record[T], *Faults) {
	faults := in.allFaults()
	records := make([]record[T], 0, len(in.Rows))
	for i, row := range in.Rows {
		bad := map[string]bool{}
		for _, f := range row.faults {
			bad[f.Column] = true
		}
		value, list := m.Parse(row)
		for _, stage := range [][]Fault{fieldFaults(row.Line, list), lineFaults(row.Line, m.Validate(value))} {
			fresh := slices.DeleteFunc(stage, func(f Fault) bool { return bad[f.Column] })
			for _, f := range fresh {
				bad[f.Column] = true
			}
			faults.List = append(faults.List, fresh...)
		}
		if len(bad) == 0 {
			records = append(records, record[T]{i, value})
		}
	}
	return records, faults
}

// check adds the faults between records, and between records and the stored data.
func (m Model[T]) check(ctx context.Context, in Input, records []record[T], faults *Faults) error {
	values := make([]T, len(records))
	for i, r := range records {
		values[i] = r.value
	}
	bad, err := m.Check(ctx, values, func(i int) string { return in.at(records[i].row) })
	if err != nil {
		return fmt.Errorf("check %s: %w", in.Source, err)
	}
	for _, i := range slices.Sorted(maps.Keys(bad)) {
		faults.List = append(faults.List, lineFaults(in.Rows[records[i].row].Line, bad[i])...)
	}
	return nil
}

// UnknownReference is the name of the one problem that may disappear with time: the record refers to something that has
// not arrived yet.
const UnknownReference = "unknown-reference"

func lineFaults(line int, err error) []Fault {
	if err == nil {
		return nil
	}
	e, ok := apperr.As(err)
	if !ok {
		return []Fault{{Line: line, Detail: err.Error()}}
	}
	faults := fieldFaults(line, e.Fields)
	if len(faults) == 0 {
		faults = []Fault{{Line: line, Detail: e.Detail}}
	}
	for i := range faults {
		faults[i].MayPass = e.Name() == UnknownReference
	}
	return faults
}

// fieldFaults turns JSON pointers into column names. A record is flat, so a pointer names one column.
func fieldFaults(line int, fields []apperr.FieldError) []Fault {
	faults := make([]Fault, len(fields))
	for i, f := range fields {
		faults[i] = Fault{Line: line, Column: strings.TrimPrefix(f.Pointer, "/"), Detail: f.Detail}
	}
	return faults
}

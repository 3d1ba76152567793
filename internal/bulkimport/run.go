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

// Outcome says what writing one record did.
type Outcome int

// What writing a record can do.
const (
	Unchanged Outcome = iota // it was there already, just so
	Created
	Updated
)

// Model says how records of one model are read, checked and written.
type Model[T any] struct {
	Name    string // plural, as in "products"
	Columns []Column
	// Parse turns a row into a value, with a fault for every column that it cannot use.
	Parse func(Row) (T, []apperr.FieldError)
	// Validate returns what is wrong with a value on its own, some columns of which may have been left out.
	Validate func(T) error
	// Check applies the rules that need other values or what is stored, to all valid values at once, before anything is
	// written. It returns what is wrong with values[i] under key i; at names another record, as in "line 12".
	Check func(ctx context.Context, values []T, at func(i int) string) (map[int]error, error)
	// Write brings one value into the system, through the business service. Writing it again is no change.
	Write func(ctx context.Context, value T) (Outcome, error)
}

// Summary counts what an import did.
type Summary struct {
	Model     string `json:"model"`
	Created   int    `json:"created"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Skipped   bool   `json:"skipped,omitempty"` // the database has got this sample before
}

// String is the summary in one line.
func (s Summary) String() string {
	if s.Skipped {
		return s.Model + ": skipped, because the sample has been imported into this database before"
	}
	return fmt.Sprintf("%s: %d created, %d updated, %d unchanged", s.Model, s.Created, s.Updated, s.Unchanged)
}

// Written is how many records the import brought into the system.
func (s Summary) Written() int { return s.Created + s.Updated }

// Plus is the summary of an import in parts.
func (s Summary) Plus(o Summary) Summary {
	s.Created += o.Created
	s.Updated += o.Updated
	s.Unchanged += o.Unchanged
	return s
}

// record is a row that is good on its own.
type record[T any] struct {
	row   int // in the input
	value T
}

// Run reports every fault of the input's form, of its values and of its records among each other, in one list; where
// there is none it writes the records. A record that the service refuses while others are written is reported as a fault,
// and it alone is not written. progress is told how many are done.
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

// parse returns the records that are good on their own, and what is wrong with the rest of the input. A column is
// blamed by the first stage that finds something in it.
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

// check adds what is wrong with records among each other and beside what is stored.
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

// UnknownReference is the name of the problem that time may mend: what a record refers to has not arrived yet.
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

// fieldFaults turns JSON pointers into a flat record into its columns.
func fieldFaults(line int, fields []apperr.FieldError) []Fault {
	faults := make([]Fault, len(fields))
	for i, f := range fields {
		faults[i] = Fault{Line: line, Column: strings.TrimPrefix(f.Pointer, "/"), Detail: f.Detail}
	}
	return faults
}

package bulkimport

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/recordindex"
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
	// Check applies the rules that need other values or the stored data, before anything is written. It gets all values that are
	// valid by themselves, with their numbers, and may go through them several times: each time the input is read again. It calls
	// blame with the fault of a value. at returns the name of another record, such as "line 12".
	Check func(ctx context.Context, values iter.Seq2[int, T], at func(i int) string, blame func(i int, err error)) error
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
	line  int
	value T
}

// Run reports all faults in one list: of the input's form, of its values, and between its records. If there is no fault,
// it writes the records. The service may still refuse a record then; Run reports it as a fault and writes all others. Run
// calls progress after each record. It reads the input several times, and keeps little of each record.
func (m Model[T]) Run(ctx context.Context, in Input, progress func(Progress)) (Summary, error) {
	ctx = caller.With(ctx, caller.Caller{Kind: caller.KindImport, Name: in.Source})
	summary := Summary{Model: m.Name}
	faults := &Faults{Source: in.Source}
	all := &reading[T]{ctx: ctx, model: m, in: in, progress: progress}
	at, err := all.lines(faults)
	if err == nil {
		err = m.check(ctx, all, at, faults)
	}
	if err != nil && ctx.Err() != nil {
		return summary, fmt.Errorf("import stopped before the check of %s was complete, and nothing was written; run it again: %w", in.Source, errInterrupted)
	}
	if err = errors.Join(faults.orNil(), err); err != nil {
		return summary, err
	}
	w := writer[T]{model: m, faults: faults, progress: progress, summary: summary, total: len(at)}
	err = w.write(ctx, all)
	return w.summary, err
}

// reading reads an input again and again, and parses its rows each time.
type reading[T any] struct {
	ctx      context.Context //nolint:containedctx // of the one Run that reads
	model    Model[T]
	in       Input
	progress func(Progress)
	err      error // why the last read ended early
	count    int   // of the records, after the first read
	checks   int   // passes of Model.Check
}

var errChanged = errors.New("the file has changed while it was read")

// lines reads the input once. It returns the line of each record without a fault of its own, and lists the faults of the others.
func (r *reading[T]) lines(faults *Faults) (at []int32, err error) {
	read := 0
	step := func() {
		read++
		r.progress(Progress{Phase: Reading, Done: read})
	}
	r.scan(func(f ...Fault) { faults.add(f...); step() }, func(one record[T]) bool {
		at = append(at, int32(one.line))
		step()
		return true
	})
	r.count = len(at)
	return at, r.err
}

// records yields the records without a fault of their own. r.err tells whether these are all.
func (r *reading[T]) records(yield func(int, record[T]) bool) {
	i := -1
	stopped := false
	r.scan(func(...Fault) {}, func(one record[T]) bool {
		if i++; i == r.count {
			return false
		}
		stopped = !yield(i, one)
		return !stopped
	})
	if r.err == nil && !stopped && i != r.count-1 {
		r.err = errChanged
	}
}

// numbered returns the records with these numbers, which are in their order.
func (r *reading[T]) numbered(numbers []int32) []recordindex.Numbered[record[T]] {
	list := make([]recordindex.Numbered[record[T]], 0, len(numbers))
	r.records(func(i int, one record[T]) bool {
		if i == int(numbers[len(list)]) {
			list = append(list, recordindex.Numbered[record[T]]{I: i, Record: one})
		}
		return len(list) < len(numbers)
	})
	return list
}

// values is records for Model.Check.
func (r *reading[T]) values(yield func(int, T) bool) {
	r.checks++
	r.records(func(i int, one record[T]) bool {
		r.progress(Progress{Phase: Checking, Pass: r.checks, Done: i + 1, Total: r.count})
		return yield(i, one.value)
	})
}

func (r *reading[T]) scan(fault func(...Fault), each func(record[T]) bool) {
	r.err = nil
	err := r.in.scan(&scanner{fault: func(f Fault) { fault(f) }, row: func(row Row) bool {
		if r.ctx.Err() != nil {
			r.err = errInterrupted
			return false
		}
		value, faults := r.model.parse(row)
		if len(faults) > 0 {
			fault(faults...)
			return true
		}
		return each(record[T]{row.Line, value})
	}})
	if err != nil {
		r.err = err
	}
}

// parse returns the value of a row, or its faults. Each column gets the faults of the first stage that finds one in it.
func (m Model[T]) parse(row Row) (value T, faults []Fault) {
	bad := map[string]bool{}
	value, list := m.Parse(row)
	for _, stage := range [][]Fault{row.faults, fieldFaults(row.Line, list), lineFaults(row.Line, m.Validate(value))} {
		fresh := slices.DeleteFunc(slices.Clone(stage), func(f Fault) bool { return bad[f.Column] })
		for _, f := range fresh {
			bad[f.Column] = true
		}
		faults = append(faults, fresh...)
	}
	return value, faults
}

// check adds the faults between records, and between records and the stored data.
func (m Model[T]) check(ctx context.Context, all *reading[T], at []int32, faults *Faults) error {
	name := func(i int) string { return fmt.Sprintf("%s %d", all.in.unit, at[i]) }
	err := m.Check(ctx, all.values, name, func(i int, err error) { faults.add(lineFaults(int(at[i]), err)...) })
	if err = errors.Join(err, all.err); err != nil {
		return fmt.Errorf("check %s: %w", all.in.Source, err)
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

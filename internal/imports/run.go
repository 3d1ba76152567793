package imports

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

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

// Record is one parsed line.
type Record[T any] struct {
	Line  int
	Value T
}

// Model says how records of one model are read, checked and written.
type Model[T any] struct {
	Name    string // plural, as in "products"
	Columns []Column
	// Parse turns a row into a value, with a fault for every column that it cannot use.
	Parse func(Row) (T, []apperr.FieldError)
	// Check applies the business rules to all values at once, before anything is written. It returns what is wrong
	// with values[i] under key i.
	Check func(ctx context.Context, values []T) (map[int]error, error)
	// Write brings one value into the system, through the business service. Writing it again is no change.
	Write func(ctx context.Context, value T) (Outcome, error)
}

// Summary counts what an import did.
type Summary struct {
	Model     string `json:"model"`
	Created   int    `json:"created"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
}

// String is the summary in one line.
func (s Summary) String() string {
	return fmt.Sprintf("%s: %d created, %d updated, %d unchanged", s.Model, s.Created, s.Updated, s.Unchanged)
}

// ParseAll turns rows into records; the error is a *Faults that lists every fault.
func (m Model[T]) ParseAll(source string, rows []Row) ([]Record[T], error) {
	faults := &Faults{Source: source}
	records := make([]Record[T], 0, len(rows))
	for _, row := range rows {
		value, bad := m.Parse(row)
		for _, f := range bad {
			faults.List = append(faults.List, Fault{Line: row.Line, Column: column(f.Pointer), Detail: f.Detail})
		}
		records = append(records, Record[T]{Line: row.Line, Value: value})
	}
	return records, faults.orNil()
}

// writers is how many records are written at once: enough that commits share the disk's flushes.
const writers = 8

// Run checks all records and, if none is at fault, writes them. progress is told how many are done. A record that the
// service refuses while others are written is reported as a fault, and it alone is not written.
func (m Model[T]) Run(ctx context.Context, source string, records []Record[T], progress func(done, total int)) (Summary, error) {
	summary := Summary{Model: m.Name}
	if err := m.checkAll(ctx, source, records); err != nil {
		return summary, err
	}
	var (
		done    atomic.Int64
		mu      sync.Mutex
		faults  = &Faults{Source: source}
		workers errgroup.Group
	)
	workers.SetLimit(writers)
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for _, record := range records {
		if failed.Err() != nil {
			break
		}
		workers.Go(func() error {
			outcome, err := m.Write(failed, record.Value)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil && refused(err):
				faults.List = append(faults.List, lineFaults(record.Line, err)...)
			case err != nil:
				fail(fmt.Errorf("%s:%d: %w", source, record.Line, err))
				return nil
			case outcome == Created:
				summary.Created++
			case outcome == Updated:
				summary.Updated++
			default:
				summary.Unchanged++
			}
			progress(int(done.Add(1)), len(records))
			return nil
		})
	}
	_ = workers.Wait() // no worker returns an error: they are kept with their lines
	if failed.Err() != nil {
		return summary, fmt.Errorf("import stopped after %d of %d %s; run it again to go on: %w",
			done.Load(), len(records), m.Name, context.Cause(failed))
	}
	return summary, faults.orNil()
}

func (m Model[T]) checkAll(ctx context.Context, source string, records []Record[T]) error {
	values := make([]T, len(records))
	for i, r := range records {
		values[i] = r.Value
	}
	bad, err := m.Check(ctx, values)
	if err != nil {
		return fmt.Errorf("check %s: %w", source, err)
	}
	faults := &Faults{Source: source}
	for i, err := range bad {
		faults.List = append(faults.List, lineFaults(records[i].Line, err)...)
	}
	return faults.orNil()
}

// refused says whether err blames the record, rather than the system.
func refused(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.Invalid, apperr.Malformed, apperr.Conflict, apperr.NotFound, apperr.Stale:
		return true
	default:
		return false
	}
}

// UnknownReference is the name of the problem that time may mend: what a record refers to has not arrived yet.
const UnknownReference = "unknown-reference"

func lineFaults(line int, err error) []Fault {
	e, ok := apperr.As(err)
	if !ok {
		return []Fault{{Line: line, Detail: err.Error()}}
	}
	mayPass := e.Name() == UnknownReference
	if len(e.Fields) == 0 {
		return []Fault{{Line: line, Detail: e.Detail, MayPass: mayPass}}
	}
	faults := make([]Fault, len(e.Fields))
	for i, f := range e.Fields {
		faults[i] = Fault{Line: line, Column: column(f.Pointer), Detail: f.Detail, MayPass: mayPass}
	}
	return faults
}

// column is the column that a JSON pointer into a flat record means.
func column(pointer string) string { return strings.TrimPrefix(pointer, "/") }

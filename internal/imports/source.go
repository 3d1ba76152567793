package imports

import (
	"context"
	"errors"
	"iter"
	"time"
)

// NewRow makes a row that was not read from text: generated, or taken from a library.
func NewRow(line int, fields map[string]string) Row { return Row{Line: line, fields: fields} }

// Importer is what a command line needs of a model, whatever its values are.
type Importer struct {
	Name    string
	Columns []Column
	// Sample returns the built-in records.
	Sample func() ([]Row, error)
	// Generate yields n made-up records, the same ones each time; nil where the model has none.
	Generate func(n int) iter.Seq[Row]
	// Run parses, checks and writes rows.
	Run func(ctx context.Context, source string, rows []Row, progress func(done, total int)) (Summary, error)
}

// Importer returns the model without its type.
func (m Model[T]) Importer(sample func() ([]Row, error), generate func(n int) iter.Seq[Row]) Importer {
	return Importer{
		Name: m.Name, Columns: m.Columns, Sample: sample, Generate: generate,
		Run: func(ctx context.Context, source string, rows []Row, progress func(done, total int)) (Summary, error) {
			records, err := m.ParseAll(source, rows)
			if err != nil {
				return Summary{Model: m.Name}, err
			}
			return m.Run(ctx, source, records, progress)
		},
	}
}

// retryEvery is how often RunWaiting looks whether what is missing has arrived.
const retryEvery = 200 * time.Millisecond

// RunWaiting is Run, tried again for up to patience while all that is wrong may still pass. Records that were written
// by an earlier try are unchanged in the next; the summary is of the last.
func (i Importer) RunWaiting(ctx context.Context, patience time.Duration, source string, rows []Row,
	progress func(done, total int),
) (Summary, error) {
	deadline := time.Now().Add(patience)
	for {
		summary, err := i.Run(ctx, source, rows, progress)
		var faults *Faults
		if !errors.As(err, &faults) || !faults.MayPass() || time.Now().After(deadline) {
			return summary, err
		}
		timer := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return summary, err
		case <-timer.C:
		}
	}
}

package bulkimport

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Importer is what a command line needs of a model, whatever its values are.
type Importer struct {
	Name    string
	Columns []Column
	// Sample returns the built-in records.
	Sample func() (Input, error)
	// Generate yields n made-up records, the same ones each time; nil where the model has none.
	Generate func(n int) iter.Seq[Row]
	// Run parses, checks and writes an input.
	Run func(ctx context.Context, in Input, progress func(done, total int)) (Summary, error)
}

// Importer returns the model without its type.
func (m Model[T]) Importer(sample func() (Input, error), generate func(n int) iter.Seq[Row]) Importer {
	return Importer{Name: m.Name, Columns: m.Columns, Sample: sample, Generate: generate, Run: m.Run}
}

// retryEvery is how often RunWaiting looks whether what is missing has arrived.
const retryEvery = 200 * time.Millisecond

// Tell is what a person is told while an import runs. Each of the functions may be nil.
type Tell struct {
	// Progress gets how many of the records are done. It is called by one goroutine at a time.
	Progress func(done, total int)
	// Waiting gets what the import waits for, once, before it waits for the first time.
	Waiting func(reason error)
}

// RunWaiting is Run, tried again for up to patience while all that is wrong may still pass. Records that were written
// by an earlier try are unchanged in the next; the summary counts them as that earlier try did.
func (i Importer) RunWaiting(ctx context.Context, patience time.Duration, in Input, tell Tell) (Summary, error) {
	progress := tell.Progress
	if progress == nil {
		progress = func(int, int) {}
	}
	deadline := time.Now().Add(patience)
	total := Summary{Model: i.Name}
	for {
		summary, err := i.Run(ctx, in, progress)
		unchanged := max(0, summary.Unchanged-total.Written())
		total = total.Plus(summary)
		total.Unchanged = unchanged
		var faults *Faults
		if !errors.As(err, &faults) || !faults.MayPass() || time.Now().After(deadline) {
			return total, err
		}
		if tell.Waiting != nil {
			tell.Waiting(err)
			tell.Waiting = nil
		}
		timer := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return total, err
		case <-timer.C:
		}
	}
}

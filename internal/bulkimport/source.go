package bulkimport

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Importer is the part of a model that a command line needs. It does not depend on the type of the values.
type Importer struct {
	Name    string
	Columns []Column
	// Sample returns the built-in records.
	Sample func() (Input, error)
	// Generate yields n generated records, the same ones each time. It is nil if the model cannot generate records.
	Generate func(n int) iter.Seq[Row]
	// Run parses, checks and writes an input.
	Run func(ctx context.Context, in Input, progress func(Progress)) (Summary, error)
}

// Importer returns an Importer for the model.
func (m Model[T]) Importer(sample func() (Input, error), generate func(n int) iter.Seq[Row]) Importer {
	return Importer{Name: m.Name, Columns: m.Columns, Sample: sample, Generate: generate, Run: m.Run}
}

// retryEvery is the pause between two tries of RunWaiting.
const retryEvery = 200 * time.Millisecond

// Tell holds the functions that an import calls to report how it goes on. Each may be nil.
type Tell struct {
	// Progress gets every step of the import. One goroutine at a time calls it.
	Progress func(Progress)
	// Waiting gets the reason why the import waits. It is called once, before the first wait.
	Waiting func(reason error)
}

// RunWaiting calls Run again, for up to patience, as long as every fault may disappear (Fault.MayPass). A later try finds
// the records of an earlier try unchanged; the summary counts them as the earlier try did.
func (i Importer) RunWaiting(ctx context.Context, patience time.Duration, in Input, tell Tell) (Summary, error) {
	progress := tell.Progress
	if progress == nil {
		progress = func(Progress) {}
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

package bulkimport

import (
	"context"
	"time"
)

// Target is a service's database as the target of imports.
type Target struct {
	Importers []Importer // in the order in which samples are imported
	Marks     Marks
	Close     func()
}

// Marks record which samples were imported into a database.
type Marks interface {
	// Imported reports whether the sample of a model has been imported.
	Imported(ctx context.Context, model string) (bool, error)
	// Mark records that the sample of a model was imported.
	Mark(ctx context.Context, model string) error
}

// SampleOnce imports the sample of a model, unless it was imported into this database before. So records that people
// change or delete afterwards do not come back. If an import fails halfway, the next call imports the sample again from
// the start. For patience and tell see RunWaiting.
func (t Target) SampleOnce(ctx context.Context, i Importer, patience time.Duration, tell Tell) (Summary, error) {
	imported, err := t.Marks.Imported(ctx, i.Name)
	if err != nil || imported {
		return Summary{Model: i.Name, Skipped: imported}, err
	}
	return t.Sample(ctx, i, patience, tell)
}

// Sample imports the sample of a model, even if it was imported into this database before.
func (t Target) Sample(ctx context.Context, i Importer, patience time.Duration, tell Tell) (Summary, error) {
	in, err := i.Sample()
	if err != nil {
		return Summary{Model: i.Name}, err
	}
	summary, err := i.RunWaiting(ctx, patience, in, tell)
	if err != nil {
		return summary, err
	}
	return summary, t.Marks.Mark(ctx, i.Name)
}

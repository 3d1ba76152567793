// Package samplemark records in a service's database which samples were imported into it.
package samplemark

import (
	"context"
	"fmt"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/postgres"
)

// Marks stores the marks of one database. It implements bulkimport.Marks.
type Marks struct{ pool *postgres.Pool }

// In returns the marks in a database. The schema must be up to date when they are used.
func In(pool *postgres.Pool) Marks { return Marks{pool} }

// Imported reports whether the sample of a model has been imported.
func (m Marks) Imported(ctx context.Context, model string) (bool, error) {
	imported, err := messagingdb.New(m.pool).SampleImported(ctx, model)
	if err != nil {
		return false, fmt.Errorf("ask whether the sample of %s has been imported: %w", model, err)
	}
	return imported, nil
}

// Mark records that the sample of a model was imported.
func (m Marks) Mark(ctx context.Context, model string) error {
	if err := messagingdb.New(m.pool).MarkSampleImported(ctx, model); err != nil {
		return fmt.Errorf("record that the sample of %s was imported: %w", model, err)
	}
	return nil
}

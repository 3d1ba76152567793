package market

import (
	"context"
	"iter"
	"slices"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/recordindex"
)

// Record is one market of an import.
type Record struct {
	Draft
	// Replaces lists the names that the record may replace. A stored market with another name keeps it. Nil replaces all.
	Replaces []string
}

// Outcome is what the import of one record did.
type Outcome int

// The outcomes of the import of one record.
const (
	ImportedNothing Outcome = iota // the market was already as the record says
	ImportedNew
	ImportedChange
)

// CheckImport calls blame with the faults of records, before anything is written: broken rules, and codes that appear twice in
// the import. at returns how messages name the record i, such as "line 4".
func (s *Service) CheckImport(_ context.Context, records iter.Seq2[int, Record], at func(i int) string, blame func(i int, err error)) error {
	var codes recordindex.Index
	for i, d := range records {
		if err := d.Cleaned().Validate(); err != nil {
			blame(i, err)
			continue
		}
		if first, twice := codes.Find(d.ISOCode); twice {
			blame(i, apperr.InvalidFields("The market appears twice in the import.", apperr.FieldError{
				Pointer: "/iso_code", Detail: "appears twice, first in " + at(first),
			}))
			continue
		}
		codes.Add(i, d.ISOCode)
	}
	return nil
}

// Import creates or changes the market as the record says. Importing the same record again changes nothing. A deleted market
// comes back with its next version, and the event is Created.
func (s *Service) Import(ctx context.Context, r Record) (Market, Outcome, error) {
	d := r.Cleaned()
	if err := d.Validate(); err != nil {
		return Market{}, ImportedNothing, err
	}
	var (
		m       Market
		outcome Outcome
	)
	err := s.store.InTx(ctx, func(tx Tx) error {
		old, found, err := tx.LockMarket(ctx, d.ISOCode)
		switch {
		case err != nil:
			return err
		case !found || old.Deleted:
			outcome = ImportedNew
			m, err = s.create(ctx, tx, old, d)
		case r.Replaces != nil && !slices.Contains(r.Replaces, old.Name):
			m, outcome = old, ImportedNothing
		default:
			m, err = s.update(ctx, tx, old, d)
			if outcome = ImportedNothing; m.Version != old.Version {
				outcome = ImportedChange
			}
		}
		return err
	})
	return m, outcome, err
}

package market

import (
	"context"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Outcome says what an import of one record did.
type Outcome int

// What importing a record can do.
const (
	ImportedNothing Outcome = iota // it was there already, just so
	ImportedNew
	ImportedChange
)

// CheckImport returns what is wrong with records[i] under key i, before anything is written: rules that a record
// breaks, and codes that stand twice in the import. at names another record for people.
func (s *Service) CheckImport(_ context.Context, records []Draft, at func(i int) string) (map[int]error, error) {
	bad := map[int]error{}
	codes := map[string]int{}
	for i, d := range records {
		if err := d.Trimmed().Validate(); err != nil {
			bad[i] = err
			continue
		}
		if first, twice := codes[d.ISOCode]; twice {
			bad[i] = apperr.InvalidFields("The market stands twice in the import.", apperr.FieldError{
				Pointer: "/iso_code", Detail: "stands twice, first in " + at(first),
			})
			continue
		}
		codes[d.ISOCode] = i
	}
	return bad, nil
}

// Import makes the market what the record says. Importing the same again is no change. A deleted market comes back with
// its next version, as created.
func (s *Service) Import(ctx context.Context, d Draft) (Market, Outcome, error) {
	d = d.Trimmed()
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

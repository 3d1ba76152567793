package entry

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/recordindex"
)

// Outcome is what the import of one record did.
type Outcome int

// The outcomes of the import of one record.
const (
	ImportedNothing Outcome = iota // the entry was already as the record says
	ImportedNew
	ImportedChange
)

// CheckImport calls blame with the faults of records, before anything is written: broken rules, places that appear twice in
// the import, and products and markets for which there can be no entry. It goes through the records twice. at returns how
// messages name the record i, such as "line 4".
func (s *Service) CheckImport(ctx context.Context, records iter.Seq2[int, Draft], at func(i int) string, blame func(i int, err error)) error {
	var places recordindex.Index
	for i, d := range records {
		if err := d.Validate(); err != nil {
			blame(i, err)
			continue
		}
		if first, twice := places.Find(d.Product.String(), d.Market); twice {
			blame(i, apperr.InvalidFields("The entry appears twice in the import.", apperr.FieldError{
				Pointer: "/market", Detail: "appears twice for this product, first in " + at(first),
			}))
			continue
		}
		places.Add(i, d.Product.String(), d.Market)
	}
	for some := range recordindex.Chunks(records) {
		// The others have a fault already.
		some = slices.DeleteFunc(some, func(one recordindex.Numbered[Draft]) bool {
			first, found := places.Find(one.Record.Product.String(), one.Record.Market)
			return !found || first != one.I
		})
		if err := s.checkPlaces(ctx, some, blame); err != nil {
			return err
		}
	}
	return nil
}

// checkPlaces checks some records against the stored entries, products and markets.
func (s *Service) checkPlaces(ctx context.Context, some []recordindex.Numbered[Draft], blame func(i int, err error)) error {
	places, products, markets := map[Place]bool{}, map[uuid.UUID]bool{}, map[string]bool{}
	for _, one := range some {
		d := one.Record
		places[d.place()], products[d.Product], markets[d.Market] = true, true, true
	}
	taken, err := s.store.EntriesAt(ctx, slices.Collect(maps.Keys(places)))
	if err != nil {
		return err
	}
	states, err := s.store.ProductStates(ctx, slices.Collect(maps.Keys(products)))
	if err != nil {
		return err
	}
	known, err := s.store.KnownMarkets(ctx, slices.Collect(maps.Keys(markets)))
	if err != nil {
		return err
	}
	for _, one := range some {
		d := one.Record
		err := checkReferences(states[d.Product], known[d.Market])
		if old, found := taken[d.place()]; found {
			err = d.validChange(old.Draft, states[d.Product])
		}
		if err != nil {
			blame(one.I, err)
		}
	}
	return nil
}

// Import creates or changes the entry of the record's product and market as the record says. Importing the same record again
// changes nothing. A deleted entry stays deleted: the product gets a new entry.
func (s *Service) Import(ctx context.Context, d Draft) (Entry, Outcome, error) {
	if err := d.Validate(); err != nil {
		return Entry{}, ImportedNothing, err
	}
	var (
		e       Entry
		outcome Outcome
	)
	err := s.store.InTx(ctx, func(tx Tx) error {
		product, market, err := share(ctx, tx, d)
		if err != nil {
			return err
		}
		old, found, err := tx.LockEntryAt(ctx, d.place())
		if err != nil {
			return err
		}
		if !found {
			if err := checkReferences(product, market); err != nil {
				return err
			}
			outcome = ImportedNew
			e, err = s.create(ctx, tx, s.newID(), d)
			return err
		}
		if err := d.validChange(old.Draft, product); err != nil {
			return err
		}
		e, err = s.update(ctx, tx, old, d)
		if outcome = ImportedNothing; e.Version != old.Version {
			outcome = ImportedChange
		}
		return err
	})
	return e, outcome, err
}

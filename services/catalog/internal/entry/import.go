package entry

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

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

// CheckImport returns what is wrong with records[i] under key i, before anything is written: rules that a record breaks,
// places that stand twice in the import, and products and markets for which there can be no entry.
// at names another record for people.
func (s *Service) CheckImport(ctx context.Context, records []Draft, at func(i int) string) (map[int]error, error) {
	bad := map[int]error{}
	places := map[Place]int{}
	products, markets := map[uuid.UUID]bool{}, map[string]bool{}
	for i, d := range records {
		if err := d.Validate(); err != nil {
			bad[i] = err
			continue
		}
		if first, twice := places[d.place()]; twice {
			bad[i] = apperr.InvalidFields("The entry stands twice in the import.", apperr.FieldError{
				Pointer: "/market", Detail: "stands twice for this product, first in " + at(first),
			})
			continue
		}
		places[d.place()] = i
		products[d.Product], markets[d.Market] = true, true
	}
	taken, err := s.store.EntriesAt(ctx, slices.Collect(maps.Keys(places)))
	if err != nil {
		return nil, err
	}
	states, err := s.store.ProductStates(ctx, slices.Collect(maps.Keys(products)))
	if err != nil {
		return nil, err
	}
	known, err := s.store.KnownMarkets(ctx, slices.Collect(maps.Keys(markets)))
	if err != nil {
		return nil, err
	}
	for place, i := range places {
		d := records[i]
		err := checkReferences(states[d.Product], known[d.Market])
		if old, found := taken[place]; found {
			err = d.validChange(old.Draft, states[d.Product])
		}
		if err != nil {
			bad[i] = err
		}
	}
	return bad, nil
}

// Import makes the entry of the record's product and market what the record says. Importing the same again is no change.
// A deleted entry stays deleted: the product gets a new one.
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
			e, err = s.create(ctx, tx, d)
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

package entry

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Outcome is what the import of one record did.
type Outcome int

// The outcomes of the import of one record.
const (
	ImportedNothing Outcome = iota // the entry was already as the record says
	ImportedNew
	ImportedChange
)

// CheckImport returns the faults of records[i] under key i, before anything is written: broken rules, places that appear
// twice in the import, and products and markets for which there can be no entry. at returns how messages name the record i,
// such as "line 4".
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
			bad[i] = apperr.InvalidFields("The entry appears twice in the import.", apperr.FieldError{
				Pointer: "/market", Detail: "appears twice for this product, first in " + at(first),
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

package product

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/recordindex"
)

// Record is one product of an import. With a UUID it stands for the product with that id, otherwise for the product with
// that name and category. If there is no such product, it is created.
type Record struct {
	UUID uuid.UUID // uuid.Nil: the product is found by name and category
	Draft
}

// Outcome is what the import of one record did.
type Outcome int

// The outcomes of the import of one record.
const (
	ImportedNothing Outcome = iota // the product was already as the record says
	ImportedNew
	ImportedChange
)

// CheckImport calls blame with the faults of records, before anything is written: broken rules, ids and names that appear
// twice in the import, names that another product has and keeps, and names that cannot be passed on. It goes through the records
// twice. at returns how messages name the record i, such as "line 4".
func (s *Service) CheckImport(ctx context.Context, records iter.Seq2[int, Record], at func(i int) string, blame func(i int, err error)) error {
	var ids, names recordindex.Index
	for i, r := range records {
		d := r.Cleaned()
		if err := d.Validate(); err != nil {
			blame(i, err)
			continue
		}
		if first, twice := ids.Find(r.UUID.String()); twice && r.UUID != uuid.Nil {
			blame(i, repeated("/product_uuid", at(first)))
			continue
		}
		if first, twice := names.Find(d.Name, d.Category); twice {
			blame(i, repeated("/name", at(first)))
			continue
		}
		ids.Add(i, r.UUID.String())
		names.Add(i, d.Name, d.Category)
	}
	waits := map[int]int{} // from a record to the record whose product gives up the name
	for some := range recordindex.Chunks(records) {
		if err := s.checkNames(ctx, some, &ids, &names, at, blame, waits); err != nil {
			return err
		}
	}
	for _, i := range circle(waits) {
		blame(i, misnamed("is the old name of "+at(waits[i])+", and these renames form a circle: import one of the products under another name first"))
	}
	return nil
}

// checkNames checks the names of some records against the stored ones. The indexes are those of all records.
func (s *Service) checkNames(ctx context.Context, some []recordindex.Numbered[Record], ids, names *recordindex.Index,
	at func(i int) string, blame func(i int, err error), waits map[int]int,
) error {
	byName := map[Name]recordindex.Numbered[Record]{}
	for _, one := range some {
		d := one.Record.Cleaned()
		if first, found := names.Find(d.Name, d.Category); found && first == one.I { // otherwise it has a fault already
			byName[d.name()] = one
		}
	}
	taken, err := s.store.ProductsNamed(ctx, slices.Collect(maps.Keys(byName)))
	if err != nil {
		return err
	}
	for name, owner := range taken {
		i, id := byName[name].I, byName[name].Record.UUID
		j, moves := ids.Find(owner.String())
		switch found := id == uuid.Nil; {
		case id == owner, found && !moves:
		case found:
			// The order of the writes would decide whether the record means that product or a new one.
			blame(i, misnamed("is the old name of the product that "+at(j)+" renames: give the product_uuid of the right product"))
		case !moves:
			blame(i, NameTaken())
		default:
			waits[i] = j
		}
	}
	return nil
}

// circle returns the records of which each waits for the next one in a circle.
func circle(waits map[int]int) (in []int) {
	done := map[int]bool{}
	for start := range waits {
		var path []int
		place := map[int]int{} // the index of a record in path
		for i, ok := start, true; ok && !done[i]; i, ok = waits[i] {
			if from, again := place[i]; again {
				in = append(in, path[from:]...)
				break
			}
			place[i] = len(path)
			path = append(path, i)
		}
		for _, i := range path {
			done[i] = true
		}
	}
	return in
}

func misnamed(detail string) error {
	return apperr.InvalidFields("The product cannot have this name.", apperr.FieldError{Pointer: "/name", Detail: detail})
}

func repeated(pointer, first string) error {
	return apperr.InvalidFields("The product appears twice in the import.",
		apperr.FieldError{Pointer: pointer, Detail: "appears twice, first in " + first})
}

// Import creates or changes the product as the record says. Importing the same record again changes nothing. A deleted
// product comes back with its next version, and the event is Created.
func (s *Service) Import(ctx context.Context, r Record) (Product, Outcome, error) {
	d := r.Cleaned()
	if err := d.Validate(); err != nil {
		return Product{}, ImportedNothing, err
	}
	var (
		p       Product
		outcome Outcome
	)
	err := s.store.InTx(ctx, func(tx Tx) error {
		old, found, err := lockRecord(ctx, tx, r.UUID, d)
		switch {
		case err != nil:
			return err
		case !found:
			outcome = ImportedNew
			p, err = s.create(ctx, tx, Product{UUID: s.orNewID(r.UUID), Draft: d})
		case old.Deleted:
			// H7 reused identity: if the version started at 1 again, every copy would ignore the new product as old.
			outcome = ImportedNew
			old.Draft, old.Deleted, old.CreatedAt = d, false, s.moment()
			p, err = s.save(ctx, tx, old, Created)
		default:
			p, err = s.update(ctx, tx, old, d)
			if outcome = ImportedNothing; p.Version != old.Version {
				outcome = ImportedChange
			}
		}
		return err
	})
	return p, outcome, err
}

func (s *Service) orNewID(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return s.newID()
	}
	return id
}

func lockRecord(ctx context.Context, tx Tx, id uuid.UUID, d Draft) (Product, bool, error) {
	if id != uuid.Nil {
		return tx.LockProductByUUID(ctx, id)
	}
	return tx.LockProductByName(ctx, d.name())
}

package product

import (
	"context"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
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

// CheckImport returns the faults of records[i] under key i, before anything is written: broken rules, ids and names that
// appear twice in the import, names that another product has and keeps, and names that cannot be passed on. at returns how
// messages name the record i, such as "line 4".
func (s *Service) CheckImport(ctx context.Context, records []Record, at func(i int) string) (map[int]error, error) {
	bad := map[int]error{}
	ids, names := map[uuid.UUID]int{}, map[Name]int{}
	for i, r := range records {
		d := r.Cleaned()
		if err := d.Validate(); err != nil {
			bad[i] = err
			continue
		}
		if first, twice := ids[r.UUID]; twice && r.UUID != uuid.Nil {
			bad[i] = repeated("/product_uuid", at(first))
			continue
		}
		if first, twice := names[d.name()]; twice {
			bad[i] = repeated("/name", at(first))
			continue
		}
		ids[r.UUID], names[d.name()] = i, i
	}
	taken, err := s.namesTaken(ctx, names)
	if err != nil {
		return nil, err
	}
	waits := map[int]int{} // from a record to the record whose product gives up the name
	for name, owner := range taken {
		i := names[name]
		j, moves := ids[owner]
		switch byName := records[i].UUID == uuid.Nil; {
		case records[i].UUID == owner, byName && !moves:
		case byName:
			// The order of the writes would decide whether the record means that product or a new one.
			bad[i] = misnamed("is the old name of the product that " + at(j) + " renames: give the product_uuid of the right product")
		case !moves:
			bad[i] = NameTaken()
		default:
			waits[i] = j
		}
	}
	for _, i := range circle(waits) {
		bad[i] = misnamed("is the old name of " + at(waits[i]) + ", and these renames form a circle: import one of the products under another name first")
	}
	return bad, nil
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

func (s *Service) namesTaken(ctx context.Context, names map[Name]int) (map[Name]uuid.UUID, error) {
	list := make([]Name, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return s.store.ProductsNamed(ctx, list)
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

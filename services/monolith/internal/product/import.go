package product

import (
	"context"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Record is a product as an import gives it. With a UUID it means the product of that id, without one the product of
// that name and category; where there is none it is created.
type Record struct {
	UUID uuid.UUID // uuid.Nil: found by name and category
	Draft
}

// Outcome says what an import of one record did.
type Outcome int

// What importing a record can do.
const (
	ImportedNothing Outcome = iota // it was there already, just so
	ImportedNew
	ImportedChange
)

// CheckImport returns what is wrong with records[i] under key i, before anything is written: rules that a record
// breaks, ids and names that stand twice in the import, names that another product has and keeps, and names that cannot
// be passed on. at names another record for people.
func (s *Service) CheckImport(ctx context.Context, records []Record, at func(i int) string) (map[int]error, error) {
	bad := map[int]error{}
	ids, names := map[uuid.UUID]int{}, map[Name]int{}
	for i, r := range records {
		d := r.Trimmed()
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
	waits := map[int]int{} // a record for the one whose product gives up the name
	for name, owner := range taken {
		i := names[name]
		j, moves := ids[owner]
		switch byName := records[i].UUID == uuid.Nil; {
		case records[i].UUID == owner, byName && !moves:
		case byName:
			// Whether it means that product or a new one would hang on which of the two is written first.
			bad[i] = misnamed("is that of the product which " + at(j) + " renames: say by product_uuid which product is meant")
		case !moves:
			bad[i] = NameTaken()
		default:
			waits[i] = j
		}
	}
	for _, i := range circle(waits) {
		bad[i] = misnamed("is that of " + at(waits[i]) + ", and the names go round in a circle: import one of them under another name first")
	}
	return bad, nil
}

// circle returns those that wait, in the end, for themselves.
func circle(waits map[int]int) (in []int) {
	done := map[int]bool{}
	for start := range waits {
		var path []int
		place := map[int]int{} // on the path
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
	return apperr.InvalidFields("The name cannot be given.", apperr.FieldError{Pointer: "/name", Detail: detail})
}

func (s *Service) namesTaken(ctx context.Context, names map[Name]int) (map[Name]uuid.UUID, error) {
	list := make([]Name, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return s.store.ProductsNamed(ctx, list)
}

func repeated(pointer, first string) error {
	return apperr.InvalidFields("The product stands twice in the import.",
		apperr.FieldError{Pointer: pointer, Detail: "stands twice, first in " + first})
}

// Import makes the product what the record says. Importing the same again is no change. A deleted product comes back
// with its next version, as created.
func (s *Service) Import(ctx context.Context, r Record) (Product, Outcome, error) {
	d := r.Trimmed()
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
			// H7: at version 1 again, every copy would take the new product for an old event and ignore it.
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

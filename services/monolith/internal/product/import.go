package product

import (
	"context"
	"fmt"

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
// breaks, ids and names that stand twice in the import, and names that another product has.
func (s *Service) CheckImport(ctx context.Context, records []Record) (map[int]error, error) {
	bad := map[int]error{}
	ids, names := map[uuid.UUID]int{}, map[Name]int{}
	for i, r := range records {
		d := r.Trimmed()
		if err := d.Validate(); err != nil {
			bad[i] = err
			continue
		}
		if first, twice := ids[r.UUID]; twice && r.UUID != uuid.Nil {
			bad[i] = repeated("/product_uuid", first)
			continue
		}
		if first, twice := names[d.name()]; twice {
			bad[i] = repeated("/name", first)
			continue
		}
		ids[r.UUID], names[d.name()] = i, i
	}
	taken, err := s.namesTaken(ctx, names)
	if err != nil {
		return nil, err
	}
	for name, owner := range taken {
		i := names[name]
		// A product of the import gives up its name where its record has another one.
		if _, moves := ids[owner]; !moves && records[i].UUID != uuid.Nil && records[i].UUID != owner {
			bad[i] = NameTaken()
		}
	}
	return bad, nil
}

func (s *Service) namesTaken(ctx context.Context, names map[Name]int) (map[Name]uuid.UUID, error) {
	list := make([]Name, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	return s.store.ProductsNamed(ctx, list)
}

func repeated(pointer string, first int) error {
	return apperr.InvalidFields("The product stands twice in the import.",
		apperr.FieldError{Pointer: pointer, Detail: fmt.Sprintf("stands twice, first in record %d", first+1)})
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

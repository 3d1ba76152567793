package productcopy

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// ProductChange is an event of a product. ProductData is its whole new state, unless the product was deleted or purged.
type ProductChange struct {
	ID uuid.UUID
	copyrow.Change
	ProductData
}

// ProductData is the data of a product's copy.
type ProductData struct {
	Name         string
	Category     string
	Discontinued bool
	UpdatedAt    time.Time
}

// ProductRow is a stored copy of a product.
type ProductRow struct {
	ID uuid.UUID
	copyrow.Row
	ProductData
}

// Tx is the storage in the transaction that applies events. It cannot append events of products: a copy that announced its
// changes would start a loop of events. The catalog owns the entries, so changes of entries have events.
type Tx interface {
	// LockProducts locks the rows in the order of the ids, and returns the rows that exist.
	LockProducts(ctx context.Context, ids []uuid.UUID) ([]ProductRow, error)
	// SaveProducts overwrites locked rows and adds missing rows, in the given order. It fails if another transaction has added
	// a newer row in the meantime. The consumer then tries again.
	SaveProducts(ctx context.Context, rows []ProductRow) error
	// Entries returns the storage of the entries in the same transaction.
	Entries() entry.Tx
}

// Entries ends or deletes the entries of products. turned has the time at which each product became discontinued or deleted.
type Entries interface {
	EndForProducts(ctx context.Context, tx entry.Tx, turned map[uuid.UUID]time.Time) error
	DeleteForProducts(ctx context.Context, tx entry.Tx, turned map[uuid.UUID]time.Time) error
}

var _ Entries = (*entry.Service)(nil)

// ApplyProducts applies changes to the copy, in the order of their topic. A version that the copy already has, or an older
// one, changes nothing. Then it ends or deletes the entries of the products that became discontinued or deleted in these
// changes, even if a later change reverts that. Only the change of the state counts, never the type of the event. H5
// compacted discontinuation: if compaction has removed the discontinued event, the next event has the same effect.
func (s *Service) ApplyProducts(ctx context.Context, tx Tx, changes []ProductChange) error {
	locked, err := tx.LockProducts(ctx, keys(changes))
	if err != nil {
		return err
	}
	rows, changed := map[uuid.UUID]ProductRow{}, map[uuid.UUID]bool{}
	for _, row := range locked {
		rows[row.ID] = row
	}
	turned := newTransitions()
	for _, c := range changes {
		old := rows[c.ID]
		row := old
		row.ID = c.ID
		if !row.Take(c.Change) {
			continue
		}
		// A deleted product is left blank, so that the copy does not depend on the events that came earlier.
		row.ProductData = ProductData{}
		switch {
		case c.Deleted:
			row.UpdatedAt = c.Time
		case !c.Purged:
			row.ProductData = c.ProductData
		}
		turned.note(old, row, c.Time)
		rows[c.ID], changed[c.ID] = row, true
	}
	if len(changed) == 0 {
		return nil
	}
	if err := tx.SaveProducts(ctx, sorted(rows, changed)); err != nil {
		return err
	}
	// The entries must be read after the products were changed: see entry.Service.EndForProducts.
	if err := s.entries.EndForProducts(ctx, tx.Entries(), turned.discontinued); err != nil {
		return err
	}
	return s.entries.DeleteForProducts(ctx, tx.Entries(), turned.deleted)
}

// transitions has the times at which products became discontinued or deleted within a batch.
type transitions struct {
	discontinued, deleted map[uuid.UUID]time.Time
}

func newTransitions() transitions {
	return transitions{discontinued: map[uuid.UUID]time.Time{}, deleted: map[uuid.UUID]time.Time{}}
}

func (t transitions) note(from, to ProductRow, at time.Time) {
	_, gone := t.deleted[to.ID]
	if to.Discontinued && !from.Discontinued && !gone { // after the deletion there is no entry left to end
		// If it happened twice, the earlier time counts: an entry that ended on that day is not open at the later time.
		if first, twice := t.discontinued[to.ID]; !twice || at.Before(first) {
			t.discontinued[to.ID] = at
		}
	}
	if to.Deleted && !from.Deleted && !gone {
		t.deleted[to.ID] = at
	}
}

// keys returns the distinct ids of the changes, sorted. Rows are locked in this order, so that the batches of two partitions
// cannot deadlock.
func keys(changes []ProductChange) []uuid.UUID {
	ids := make([]uuid.UUID, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	slices.SortFunc(ids, compareUUIDs)
	return slices.Compact(ids)
}

func sorted(rows map[uuid.UUID]ProductRow, changed map[uuid.UUID]bool) []ProductRow {
	list := make([]ProductRow, 0, len(changed))
	for id := range changed {
		list = append(list, rows[id])
	}
	slices.SortFunc(list, func(a, b ProductRow) int { return compareUUIDs(a.ID, b.ID) })
	return list
}

func compareUUIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }

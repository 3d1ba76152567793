package productcopy

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// ProductChange is an event of a product. The fields under ProductData are the whole new state, unless it is gone.
type ProductChange struct {
	ID uuid.UUID
	copyrow.Change
	ProductData
}

// ProductData is what the copy of a product holds.
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

// Tx is the storage as the transaction that applies events sees it. It has no means to announce a product: a copy that
// announced changes would start a loop of events. Entries are the catalog's own, and it announces what it does to them.
type Tx interface {
	// LockProducts locks the rows of the ids, in their order, and returns those that exist.
	LockProducts(ctx context.Context, ids []uuid.UUID) ([]ProductRow, error)
	// SaveProducts overwrites locked rows and adds those that did not exist, in the order given. It fails, to be tried
	// again, when another transaction has added a newer one meanwhile.
	SaveProducts(ctx context.Context, rows []ProductRow) error
	// Entries is the same transaction as the entries see it.
	Entries() entry.Tx
}

// Entries follow their products. turned says when each product turned so.
type Entries interface {
	EndForProducts(ctx context.Context, tx entry.Tx, turned map[uuid.UUID]time.Time) error
	DeleteForProducts(ctx context.Context, tx entry.Tx, turned map[uuid.UUID]time.Time) error
}

var _ Entries = (*entry.Service)(nil)

// ApplyProducts brings changes, in the order of their topic, to the copy. A version that the copy already has, or an
// older one, changes nothing. Then the entries follow the products that turned discontinued or deleted on the way, also
// where a later change turned them back. It is the change of the state that counts and never the event's type (H5): a
// discontinued event that was lost to compaction is made up for by the next one.
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
		// What is gone is left blank, whatever was known before: the copy does not depend on which events came earlier.
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
	// Only now that the products are changed are their entries read: see entry.Service.EndForProducts.
	if err := s.entries.EndForProducts(ctx, tx.Entries(), turned.discontinued); err != nil {
		return err
	}
	return s.entries.DeleteForProducts(ctx, tx.Entries(), turned.deleted)
}

// transitions are when products turned discontinued and deleted within a batch.
type transitions struct {
	discontinued, deleted map[uuid.UUID]time.Time
}

func newTransitions() transitions {
	return transitions{discontinued: map[uuid.UUID]time.Time{}, deleted: map[uuid.UUID]time.Time{}}
}

func (t transitions) note(from, to ProductRow, at time.Time) {
	_, gone := t.deleted[to.ID]
	if to.Discontinued && !from.Discontinued && !gone { // once it is gone there is nothing left to end
		// Of two times the earlier counts: what has ended on that day is not open after the other.
		if first, twice := t.discontinued[to.ID]; !twice || at.Before(first) {
			t.discontinued[to.ID] = at
		}
	}
	if to.Deleted && !from.Deleted && !gone {
		t.deleted[to.ID] = at
	}
}

// keys returns the distinct ids of the changes in their order: rows are locked in it, so that two partitions' batches
// never wait for each other in a circle.
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

package entry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The catalog's own rule on products. Both halves run in the transaction that has changed the copy of the products, and
// read the entries after that change, in a statement of their own. H4, the schedule: a transaction sees a product on
// offer and inserts an entry; it shares the product's row, so the change waits for it; a statement that begins after the
// wait sees the entry, while the one that waited would read the entries with a snapshot from before.

// EndForProducts ends the open entries of products that turned discontinued, and announces each. turned holds when. An
// entry ends on the UTC day of that, or on its first day where that is later; it is open while it ends later or never.
func (s *Service) EndForProducts(ctx context.Context, tx Tx, turned map[uuid.UUID]time.Time) error {
	return s.eachOf(ctx, tx, turned, func(e Entry) error {
		_, err := s.update(ctx, tx, e, e.ended(DateOf(turned[e.Product])))
		return err
	})
}

// DeleteForProducts deletes the entries of products that turned deleted, and announces each.
func (s *Service) DeleteForProducts(ctx context.Context, tx Tx, turned map[uuid.UUID]time.Time) error {
	return s.eachOf(ctx, tx, turned, func(e Entry) error {
		_, err := s.delete(ctx, tx, e)
		return err
	})
}

func (s *Service) eachOf(ctx context.Context, tx Tx, turned map[uuid.UUID]time.Time, f func(Entry) error) error {
	if len(turned) == 0 {
		return nil
	}
	entries, err := tx.LockEntriesOf(ctx, slices.Collect(maps.Keys(turned)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

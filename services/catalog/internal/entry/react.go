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
	entries, err := entriesOf(ctx, tx, turned)
	if err != nil {
		return err
	}
	var open []Entry
	for _, e := range entries {
		if ended := e.ended(DateOf(turned[e.Product])); ended != e.Draft {
			e.Draft = ended
			open = append(open, e)
		}
	}
	return s.save(ctx, tx, Updated, open)
}

// DeleteForProducts deletes the entries of products that turned deleted, and announces each.
func (s *Service) DeleteForProducts(ctx context.Context, tx Tx, turned map[uuid.UUID]time.Time) error {
	entries, err := entriesOf(ctx, tx, turned)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Deleted = true
	}
	return s.save(ctx, tx, Deleted, entries)
}

func entriesOf(ctx context.Context, tx Tx, turned map[uuid.UUID]time.Time) ([]Entry, error) {
	if len(turned) == 0 {
		return nil, nil
	}
	return tx.LockEntriesOf(ctx, slices.Collect(maps.Keys(turned)))
}

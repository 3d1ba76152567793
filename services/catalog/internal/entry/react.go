package entry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The catalog's rule on products that are discontinued or deleted. Both functions run in the transaction that has changed
// the copy of the products. They read the entries after that change, in a separate statement. H4 write skew: a transaction
// sees a product that is on sale and inserts an entry. It shares the lock on the product's row, so the change of the product
// waits for it. A statement that starts after this wait sees the entry. The statement that waited has an older snapshot, and
// would miss the entry.

// EndForProducts ends the open entries of products that became discontinued, and appends an event for each. turned has the
// time at which each product became so. An entry ends on the UTC day of that time, or on its first day if that is later. An
// entry is open if it ends later than that or has no end.
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

// DeleteForProducts deletes the entries of products that were deleted, and appends an event for each.
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

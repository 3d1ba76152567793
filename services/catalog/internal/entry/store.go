package entry

import (
	"context"
	"fmt"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is the storage that this package needs. Its methods do not find deleted entries, except where they say so.
type Store interface {
	// Entry fails with NotFound if there is no such entry.
	Entry(ctx context.Context, id uuid.UUID) (Entry, error)
	// Entries yields the entries of the query in its order. It reads while the caller iterates. An error is the
	// last pair.
	Entries(ctx context.Context, q Query) iter.Seq2[Entry, error]
	// CountEntries returns how many entries each query has, but never more than most, or only the first ones if that takes too long.
	CountEntries(ctx context.Context, queries []Query, most int) ([]int, error)
	// EntriesAt returns which of the places are taken, and by which entry.
	EntriesAt(ctx context.Context, places []Place) (map[Place]Entry, error)
	// ProductStates returns the state of each product in the copy. Products that are not known are missing in the map.
	ProductStates(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Product, error)
	// KnownMarkets returns which of the codes have a market.
	KnownMarkets(ctx context.Context, codes []string) (map[string]bool, error)
	// InTx runs f in one transaction. It may run f again from the start after a serialization failure or a deadlock. The
	// changes of f and the events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage in one transaction. Locks are held until the transaction ends. To avoid deadlocks, locks are taken in
// this order: products, markets, entries. Several locks of one kind are taken in the order of the ids.
type Tx interface {
	// Recall returns the first answer to the request that once identifies, if there was one. It fails with InProgress while
	// the first request is still running, and with Invalid if the body differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Entry, found bool, err error)
	// Remember keeps e as the answer to the request that once identifies.
	Remember(ctx context.Context, once condition.Once, e Entry) error

	// ShareProduct takes a shared lock on the copy of the product: others can share it, but not change it.
	ShareProduct(ctx context.Context, id uuid.UUID) (Product, error)
	// ShareMarket reports whether the market exists, and takes a shared lock on it.
	ShareMarket(ctx context.Context, isoCode string) (known bool, err error)

	// Entry takes no lock. Entry and LockEntry fail with NotFound if there is no such entry.
	Entry(ctx context.Context, id uuid.UUID) (Entry, error)
	LockEntry(ctx context.Context, id uuid.UUID) (Entry, error)
	LockEntryAt(ctx context.Context, place Place) (e Entry, found bool, err error)
	// LockEntriesOf locks all entries of the products. It must be called after the products were changed, and must be a
	// separate statement: see Service.EndForProducts.
	LockEntriesOf(ctx context.Context, products []uuid.UUID) ([]Entry, error)

	// InsertEntry fails with PlaceTaken if the product has an entry in the market, and with IDTaken if there is or was an
	// entry with the id. After InsertEntry and SaveEntries, the transaction commits only with the event of each change.
	InsertEntry(ctx context.Context, e Entry) error
	// SaveEntries overwrites locked entries, and Append appends events. Both take any number: a product may have thousands of
	// entries.
	SaveEntries(ctx context.Context, entries ...Entry) error
	Append(ctx context.Context, events ...Event) error
}

// Product is the part of a product's state on which its entries depend.
type Product struct {
	Known        bool // the copy has the product, and it is not deleted
	Discontinued bool
}

// Place is unique among entries that are not deleted.
type Place struct {
	Market  string
	Product uuid.UUID
}

func (d Draft) place() Place { return Place{d.Market, d.Product} }

// NotFound is the error of a store for an id that has no entry, or has no entry any more.
func NotFound(id uuid.UUID) *apperr.Error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no catalog entry %s.", id))
}

// PlaceTaken is the Conflict that a store returns if a product would have two entries in a market.
func PlaceTaken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "entry-exists", "There is already an entry for this product in this market.")
}

// IDTaken is the Conflict that a store returns if an entry would get the id of another one. Only ids that others choose can
// be taken.
func IDTaken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "entry-exists", "There is, or was, an entry with this id.")
}

package entry

import (
	"context"
	"fmt"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is what this package needs from storage. Deleted entries are hidden where nothing else is said.
type Store interface {
	// Entry fails with NotFound where there is none.
	Entry(ctx context.Context, id uuid.UUID) (Entry, error)
	// Entries yields the entries of the query in its order, reading as it is consumed. An error is the last pair.
	Entries(ctx context.Context, q Query) iter.Seq2[Entry, error]
	// EntriesAt returns those of the places that are taken, and by which entry.
	EntriesAt(ctx context.Context, places []Place) (map[Place]Entry, error)
	// ProductStates returns what the copy knows of the products; the zero Product where that is nothing.
	ProductStates(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Product, error)
	// KnownMarkets returns those of the codes that are markets.
	KnownMarkets(ctx context.Context, codes []string) (map[string]bool, error)
	// InTx runs f in one transaction, and again from the start where PostgreSQL asks for that. What f changed and the
	// events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage as one transaction sees it. What it locks stays locked until the transaction ends. So that no two
// transactions wait for each other, locks are taken in this order: products, markets, entries; several of a kind in the
// order of their ids.
type Tx interface {
	// Recall returns the first answer to the request that once names, if there was one. It fails with InProgress while
	// the first is still being worked on, and with Invalid when the request differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Entry, found bool, err error)
	// Remember keeps e as the answer to the request that once names.
	Remember(ctx context.Context, once condition.Once, e Entry) error

	// ShareProduct keeps others from changing the copy of the product, not from sharing it.
	ShareProduct(ctx context.Context, id uuid.UUID) (Product, error)
	// ShareMarket says whether there is such a market, and keeps others from changing it, not from sharing it.
	ShareMarket(ctx context.Context, isoCode string) (known bool, err error)

	// Entry locks nothing. It fails with NotFound where there is none, as LockEntry does.
	Entry(ctx context.Context, id uuid.UUID) (Entry, error)
	LockEntry(ctx context.Context, id uuid.UUID) (Entry, error)
	LockEntryAt(ctx context.Context, place Place) (e Entry, found bool, err error)
	// LockEntriesOf locks all entries of the products. Ask after the products were changed, in a statement of its own:
	// see Service.EndForProducts.
	LockEntriesOf(ctx context.Context, products []uuid.UUID) ([]Entry, error)

	// InsertEntry fails with PlaceTaken where the product has an entry in the market. As with SaveEntries, the transaction
	// commits only with the event of each change.
	InsertEntry(ctx context.Context, e Entry) error
	// SaveEntries overwrites locked entries, and Append announces changes, however many: a product may be in thousands of
	// entries.
	SaveEntries(ctx context.Context, entries ...Entry) error
	Append(ctx context.Context, events ...Event) error
}

// Product is the state of a product as far as its entries depend on it.
type Product struct {
	Known        bool // and not deleted
	Discontinued bool
}

// Place is what is unique among entries that are not deleted.
type Place struct {
	Market  string
	Product uuid.UUID
}

func (d Draft) place() Place { return Place{d.Market, d.Product} }

// NotFound is what a store answers when there is no entry of this id, or no longer.
func NotFound(id uuid.UUID) *apperr.Error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no catalog entry %s.", id))
}

// PlaceTaken is the Conflict that a store answers when a product would have two entries in a market.
func PlaceTaken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "entry-exists", "There is already an entry for this product in this market.")
}

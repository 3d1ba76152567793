package market

import (
	"context"
	"fmt"
	"iter"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is the storage that this package needs. Its methods do not find deleted markets, except where they say so.
type Store interface {
	// Market fails with NotFound if there is no such market.
	Market(ctx context.Context, isoCode string) (Market, error)
	// Markets yields the markets of the query in its order. It reads while the caller iterates. An error is the
	// last pair.
	Markets(ctx context.Context, q Query) iter.Seq2[Market, error]
	// CountMarkets returns how many markets each query has, but never more than most, or only the first ones if that takes too long.
	CountMarkets(ctx context.Context, queries []Query, most int) ([]int, error)
	// InTx runs f in one transaction. It may run f again from the start after a serialization failure or a deadlock. The
	// changes of f and the events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage in one transaction. Locks are held until the transaction ends.
type Tx interface {
	// Recall returns the first answer to the request that once identifies, if there was one. It fails with InProgress while
	// the first request is still running, and with Invalid if the body differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Market, found bool, err error)
	// Remember keeps m as the answer to the request that once identifies.
	Remember(ctx context.Context, once condition.Once, m Market) error

	// LockMarket finds deleted markets too.
	LockMarket(ctx context.Context, isoCode string) (m Market, found bool, err error)
	// MarketInUse reports whether entries that are not deleted use the market. It must be called after LockMarket and must be
	// a separate statement: a statement that waited for the lock would not see an entry that was committed in the meantime.
	MarketInUse(ctx context.Context, isoCode string) (bool, error)

	// InsertMarket fails with Taken if another transaction has created the market in the meantime. After InsertMarket and
	// SaveMarket, the transaction commits only with the event of the change.
	InsertMarket(ctx context.Context, m Market) error
	SaveMarket(ctx context.Context, m Market) error
	Append(ctx context.Context, e Event) error
}

// NotFound is the error of a store for a code that has no market, or has no market any more.
func NotFound(isoCode string) *apperr.Error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no market %s.", isoCode))
}

// Taken is the Conflict of a second market with the same code.
func Taken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "market-exists", "There is already a market with this code.")
}

// InUse is the Conflict of a deletion that would leave entries without their market.
func InUse() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "market-in-use", "Entries use this market; delete them first.")
}

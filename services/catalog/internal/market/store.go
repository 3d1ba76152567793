package market

import (
	"context"
	"fmt"
	"iter"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

// Store is what this package needs from storage. Deleted markets are hidden where nothing else is said.
type Store interface {
	// Market fails with NotFound where there is none.
	Market(ctx context.Context, isoCode string) (Market, error)
	// Markets yields the markets of the query in its order, reading as it is consumed. An error is the last pair.
	Markets(ctx context.Context, q Query) iter.Seq2[Market, error]
	// InTx runs f in one transaction, and again from the start where PostgreSQL asks for that. What f changed and the
	// events that it appended are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage as one transaction sees it. What it locks stays locked until the transaction ends.
type Tx interface {
	// Recall returns the first answer to the request that once names, if there was one. It fails with InProgress while
	// the first is still being worked on, and with Invalid when the request differs from the first.
	Recall(ctx context.Context, once condition.Once) (first Market, found bool, err error)
	// Remember keeps m as the answer to the request that once names.
	Remember(ctx context.Context, once condition.Once, m Market) error

	// LockMarket finds deleted markets too.
	LockMarket(ctx context.Context, isoCode string) (m Market, found bool, err error)
	// MarketInUse says whether entries that are not deleted use the market. Ask after LockMarket, in a statement of its
	// own: one that had waited for the lock would not see an entry that was committed meanwhile.
	MarketInUse(ctx context.Context, isoCode string) (bool, error)

	// InsertMarket fails with Taken where another transaction was faster. As with SaveMarket, the transaction commits
	// only with the event of the change.
	InsertMarket(ctx context.Context, m Market) error
	SaveMarket(ctx context.Context, m Market) error
	Append(ctx context.Context, e Event) error
}

// NotFound is what a store answers when there is no market of this code, or no longer.
func NotFound(isoCode string) *apperr.Error {
	return apperr.New(apperr.NotFound, fmt.Sprintf("There is no market %s.", isoCode))
}

// Taken is the Conflict of a second market of a code.
func Taken() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "market-exists", "There is already a market of this code.")
}

// InUse is the Conflict of a deletion that would leave entries without their market.
func InUse() *apperr.Error {
	return apperr.Coded(apperr.Conflict, "market-in-use", "Entries use this market; delete them first.")
}

// Package store keeps the catalog's data in PostgreSQL.
package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// Encode turns business events and outcomes of requests into messages.
type Encode struct {
	Market  func(market.Event) (event.Message, error)
	Entry   func(entry.Event) (event.Message, error)
	Outcome func(request.Outcome) (event.Message, error)
}

// Store implements the storage that the service's business packages declare: Store itself for the copy of the products,
// Markets and Entries for the owned models.
type Store struct {
	pool   postgres.DB
	q      *db.Queries
	encode Encode
	keys   idempotency.Keys
	wake   func()
}

var _ productcopy.Store = (*Store)(nil)

// New returns a Store. It encodes events when it appends them to the outbox. It calls wake after each commit that appended
// events.
func New(pool postgres.DB, encode Encode, keys idempotency.Keys, wake func()) *Store {
	return &Store{pool: pool, q: db.New(pool), encode: encode, keys: keys, wake: wake}
}

// ownTx is one transaction that can append to the outbox.
type ownTx struct {
	tx       pgx.Tx
	q        *db.Queries
	encode   Encode
	keys     idempotency.Keys
	history  *history.Recorder
	appended bool
}

// change appends the events of changes, and records the changes in the history.
func (t *ownTx) change(ctx context.Context, changes ...history.Change) error {
	t.appended = true
	return translateAppend(t.history.Append(ctx, changes...))
}

// append appends messages that tell of no change.
func (t *ownTx) append(ctx context.Context, messages ...event.Message) error {
	t.appended = true
	return translateAppend(outbox.Append(ctx, t.tx, messages...))
}

// translateAppend makes an error of the caller's input out of a message that is too large. It is called where messages
// are appended, so that requests and the consumer see the same error.
func translateAppend(err error) error {
	if tooLarge, is := errors.AsType[*outbox.TooLargeError](err); is {
		return apperr.New(apperr.Invalid, tooLarge.Error())
	}
	return err
}

// inTx runs f in one transaction.
func (s *Store) inTx(ctx context.Context, f func(*ownTx) error) error {
	appended := false
	err := postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		t := s.own(tx)
		err := f(t)
		appended = t.appended
		return err
	})
	if err != nil {
		return translate(err)
	}
	if appended {
		s.wake() // so that the events are published now, and not only at the next sweep
	}
	return nil
}

func (s *Store) own(tx pgx.Tx) *ownTx {
	return &ownTx{tx: tx, q: db.New(tx), encode: s.encode, keys: s.keys, history: history.In(tx)}
}

// translate turns a broken constraint into the error of its business rule, and an unreachable database into Unavailable.
func translate(err error) error {
	return postgres.Translate(err, map[string]*apperr.Error{
		"market_pkey":                  market.Taken(),
		"catalog_entry_market_product": entry.PlaceTaken(),
		"catalog_entry_pkey":           entry.IDTaken(),
	})
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// Tx is the consumer's transaction. It changes the copy and the entries. The only messages that it appends are events of
// entries and outcomes of requests.
type Tx struct{ own *ownTx }

var (
	_ productcopy.Tx  = Tx{}
	_ entryrequest.Tx = Tx{}
)

// Bind returns the storage in the consumer's transaction.
func (s *Store) Bind(tx pgx.Tx) Tx { return Tx{s.own(tx)} }

// Raw returns the transaction that Bind got.
func (t Tx) Raw() pgx.Tx { return t.own.tx }

// Committed wakes the relay if the transaction that was just committed has appended messages.
func (s *Store) Committed(tx Tx) {
	if tx.own.appended {
		s.wake()
	}
}

// Entries implements productcopy.Tx and entryrequest.Tx.
func (t Tx) Entries() entry.Tx { return entryTx{t.own} }

// ShareProducts implements entryrequest.Tx.
func (t Tx) ShareProducts(ctx context.Context, ids []uuid.UUID) error {
	if err := t.own.q.ShareProducts(ctx, ids); err != nil {
		return fmt.Errorf("share products: %w", err)
	}
	return nil
}

// ShareMarkets implements entryrequest.Tx.
func (t Tx) ShareMarkets(ctx context.Context, codes []string) error {
	if err := t.own.q.ShareMarkets(ctx, codes); err != nil {
		return fmt.Errorf("share markets: %w", err)
	}
	return nil
}

// AppendOutcomes appends the outcomes of requests.
func (t Tx) AppendOutcomes(ctx context.Context, outcomes ...request.Outcome) error {
	messages := make([]event.Message, len(outcomes))
	for i, o := range outcomes {
		m, err := t.own.encode.Outcome(o)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	return t.own.append(ctx, messages...)
}

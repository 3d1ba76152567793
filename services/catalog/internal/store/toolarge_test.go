package store_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
)

// TestEventTooLarge: a client gets an Invalid error with the text of the outbox, and the change is rolled back. The
// consumer gets the same error, which tells it to make the event a dead letter.
func TestEventTooLarge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.product(t)
	b.market(t, "CI")
	b.entry(t, id, "CI", "2026-01-01", "2099-01-01")
	tooLarge := event.Message{ID: newID(), Topic: "topic", Key: "key", Version: 1, Type: "type",
		Payload: make([]byte, outbox.MaxPayload+1)}
	s := store.New(b.pool, store.Encode{
		Market: func(market.Event) (event.Message, error) { return tooLarge, nil },
		Entry:  func(entry.Event) (event.Message, error) { return tooLarge, nil },
	}, idempotency.Keys{}, func() {})
	check := func(who string, err error) {
		t.Helper()
		e, is := apperr.As(err)
		if !is || e.Kind != apperr.Invalid || e.Detail != "the event is too large: 917505 bytes, the limit is 917504" {
			t.Errorf("%s: error %v", who, err)
		}
	}
	_, err := market.NewService(s.Markets(), b.now, newID).Create(t.Context(), market.Draft{ISOCode: "NL", Name: "NL"}, nil)
	check("a client", err)
	b.market(t, "NL") // the code is still free
	b.store = s
	products := productcopy.NewService(s, b.entriesOn(s.Entries()))
	check("the consumer", b.inTx(t.Context(), func(tx productcopy.Tx) error {
		return products.ApplyProducts(t.Context(), tx, []productcopy.ProductChange{state(id, 2, "Chair", true)})
	}))
}

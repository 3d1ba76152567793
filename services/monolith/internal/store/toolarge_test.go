package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// TestEventTooLarge: the client gets an Invalid error with the text of the outbox, and the change is rolled back.
func TestEventTooLarge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	encode := func(e product.Event) (event.Message, error) {
		return event.Message{ID: e.ID, Topic: "topic", Key: e.Product.UUID.String(), Version: e.Product.Version, Type: "type",
			Payload: make([]byte, outbox.MaxPayload+1)}, nil
	}
	products := product.NewService(store.New(b.pool, store.Encode{Product: encode}, idempotency.Keys{}, func() {}), time.Now, uuid.New)
	_, err := products.Create(t.Context(), product.Draft{Name: "Desk", Category: "Furniture"}, nil)
	e, is := apperr.As(err)
	if !is || e.Kind != apperr.Invalid || e.Detail != "the event is too large: 917505 bytes, the limit is 917504" {
		t.Errorf("error %v", err)
	}
	b.create(t, "Desk", "Furniture") // the name is still free
}

package publish_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
)

func TestMapping(t *testing.T) {
	t.Parallel()
	data := func(p product.Product) messages.Product {
		m, err := publish.Product(product.Event{Kind: product.Updated, Time: p.UpdatedAt, Product: p})
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Decode(m.Payload)
		if err != nil {
			return messages.Product{} // without its id or its version, a product has no event
		}
		data, err := consumer.Data[messages.Product](consumer.Event{Event: e})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	p := fill.Of[product.Product](t, 0)
	fill.Carried(t, "product.Product → publish.Product → data of the event", p, data, fill.Internal{
		"ID": "other services never see the monolith's own id", "Deleted": "the type of the event says it",
	})
	fill.Set(t, "product.Product → publish.Product → data of the event", data(p), nil)
}

package consume_test

import (
	"encoding/json"
	"testing"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// TestMapping takes the owner's example of a discontinued product, which has a value in every member.
func TestMapping(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range documented.Examples() {
		if x.Type != "monsplit.product.discontinued.v1" {
			continue
		}
		e, err := event.Decode(x.Payload)
		if err != nil {
			t.Fatal(err)
		}
		apply := func(data []byte) (row productcopy.ProductRow) {
			changed := e
			changed.Version, changed.Data = e.Version+10, json.RawMessage(data) // above what is stored
			b := setup(t)
			if err := b.handle(consumer.Event{Event: changed, Key: e.Subject}); err == nil {
				row = b.tx.products[0]
			}
			return row
		}
		const place = "data of a product event → consume.Products → productcopy.ProductRow"
		fill.CarriedMembers(t, place, e.Data, apply, fill.Internal{
			"product_uuid": "the key of the event holds it", "version": "the envelope of the event holds it",
			"created_at": "the catalog does not show it",
		})
		fill.Set(t, place, apply(e.Data), fill.Internal{"Row.Deleted": "the type of the event says it"})
		return
	}
	t.Error("the document has no example of a discontinued product")
}

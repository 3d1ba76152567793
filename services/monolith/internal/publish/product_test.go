package publish_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
)

func TestProduct(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)
	p := product.Product{
		ID: 7, UUID: uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"),
		Draft:   product.Draft{Name: "Tee <Grün> & 😀", Category: "Tea", Discontinued: true},
		Version: 4, CreatedAt: at.Add(-time.Hour), UpdatedAt: at,
	}
	tests := map[product.Kind]string{
		product.Created:      messages.TypeProductCreated,
		product.Updated:      messages.TypeProductUpdated,
		product.Discontinued: messages.TypeProductDiscontinued,
		product.Deleted:      messages.TypeProductDeleted,
	}
	for kind, typ := range tests {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			e := product.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Time: at, Product: p}
			m, err := publish.Product(e)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != e.ID || m.Topic != "monsplit.product.v1" || m.Key != p.UUID.String() || m.Version != 4 || m.Type != typ {
				t.Errorf("message %+v", m)
			}
			if err := documented.Validate(typ, m.Payload); err != nil {
				t.Errorf("not as documented: %v\n%s", err, m.Payload)
			}
			got, err := event.Decode(m.Payload)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != e.ID.String() || got.Source != "/monolith" || got.Subject != m.Key || !got.Time.Equal(at) || got.Version != 4 {
				t.Errorf("event %+v", got)
			}
			var data map[string]any
			if err := json.Unmarshal(got.Data, &data); err != nil {
				t.Fatal(err)
			}
			if _, leaked := data["id"]; leaked {
				t.Error("the monolith's own id is published")
			}
			if kind != product.Deleted && (data["name"] != p.Name || data["discontinued"] != true || data["updated_at"] != "2026-11-23T12:00:00.123456Z") {
				t.Errorf("data %s", got.Data)
			}
		})
	}
	if _, err := publish.Product(product.Event{Kind: "eaten", Product: p}); err == nil {
		t.Error("an unknown kind has a message")
	}
}

package publish

import (
	"encoding/json"
	"fmt"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
)

// Change encodes a request to change a catalog entry. It has the members that the caller sent, and no state of the copy: the
// copy may be old, and would undo what others have changed.
func Change(r catalogchange.Request) (event.Message, error) {
	message := messages.NewCatalogEntryChangeRequestedEvent(r.ID, r.Product, r.CreatedAt.UTC(), r.Number,
		messages.CatalogEntryChangeRequest{
			Operation: string(r.Operation), Entry: r.Entry, Product: r.Product, ProductVersion: r.ProductVersion,
			IfMatch: r.Match, ExpiresAt: r.ExpiresAt.UTC(), Values: toValues(r.Values),
		})
	m := event.Message{
		ID: r.ID, Topic: messages.TopicCatalogEntryRequest, Key: r.Product.String(), Version: r.Number, Type: message.Type,
	}
	var err error
	if m.Payload, err = json.Marshal(message); err != nil {
		return event.Message{}, fmt.Errorf("encode %s: %w", m.Type, err)
	}
	return m, nil
}

func toValues(v catalogchange.Values) messages.CatalogEntryValues {
	return messages.CatalogEntryValues{
		Product: v.Product, Market: v.Market, AvailabilityDate: toDate(v.Start), AvailabilityEndDate: toDate(v.End),
	}
}

// toDate distinguishes a date that was sent as null from one that was not sent.
func toDate(d catalogchange.Date) (date nullable.Nullable[types.Date]) {
	switch {
	case !d.Sent:
		return nil
	case d.Day == nil:
		return nullable.NewNullNullable[types.Date]()
	default:
		return nullable.NewNullableWithValue(types.Date{Time: *d.Day})
	}
}

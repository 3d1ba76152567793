// Package publish turns the catalog's business events into the messages that asyncapi/catalog.yaml describes.
package publish

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
)

// Entry encodes an event of a catalog entry.
func Entry(e entry.Event) (event.Message, error) {
	v := e.Entry
	m := event.Message{ID: e.ID, Topic: messages.TopicCatalogEntry, Key: v.ID.String(), Version: v.Version}
	var message any
	switch at := e.Time.UTC(); e.Kind {
	case entry.Created:
		m.Type = messages.TypeCatalogEntryCreated
		created := messages.NewCatalogEntryCreatedEvent(e.ID, v.ID, at, v.Version, toEntryData(v))
		created.CausationID = toCausation(e.Cause)
		message = created
	case entry.Updated:
		m.Type = messages.TypeCatalogEntryUpdated
		updated := messages.NewCatalogEntryUpdatedEvent(e.ID, v.ID, at, v.Version, toEntryData(v))
		updated.CausationID = toCausation(e.Cause)
		message = updated
	case entry.Deleted:
		m.Type = messages.TypeCatalogEntryDeleted
		deleted := messages.NewCatalogEntryDeletedEvent(e.ID, v.ID, at, v.Version, messages.CatalogEntryRef{ID: v.ID})
		deleted.CausationID = toCausation(e.Cause)
		message = deleted
	default:
		return event.Message{}, fmt.Errorf("no message for an entry event of kind %q", e.Kind)
	}
	return encoded(m, message)
}

// toEntryData returns the public state of an entry.
func toEntryData(v entry.Entry) messages.CatalogEntry {
	return messages.CatalogEntry{
		ID: v.ID, Product: v.Product, Market: v.Market,
		AvailabilityDate: toDate(v.Start), AvailabilityEndDate: toDate(v.End),
		Version: v.Version, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
}

// toCausation returns nil if no request caused the change.
func toCausation(request uuid.UUID) *uuid.UUID {
	if request == uuid.Nil {
		return nil
	}
	return &request
}

func toDate(d entry.Date) *types.Date {
	if d.IsZero() {
		return nil
	}
	return &types.Date{Time: d.Time()}
}

func encoded(m event.Message, message any) (event.Message, error) {
	payload, err := json.Marshal(message)
	if err != nil {
		return event.Message{}, fmt.Errorf("encode %s: %w", m.Type, err)
	}
	m.Payload = payload
	return m, nil
}

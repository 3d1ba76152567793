// Package publish turns the catalog's business events into the messages that asyncapi/catalog.yaml describes.
package publish

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
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

// ReadEntry is the reverse of Entry, for a database that has lost the entry. An event of a deleted entry has only the id.
func ReadEntry(e event.Event) (entry.Entry, error) {
	switch e.Type {
	case messages.TypeCatalogEntryCreated, messages.TypeCatalogEntryUpdated:
		var data messages.CatalogEntry
		err := strictjson.Unmarshal(e.Data, &data)
		return fromEntryData(data), err
	case messages.TypeCatalogEntryDeleted:
		var data messages.CatalogEntryRef
		err := strictjson.Unmarshal(e.Data, &data)
		return entry.Entry{ID: data.ID, Deleted: true, Version: e.Version, CreatedAt: e.Time, UpdatedAt: e.Time}, err
	default:
		return entry.Entry{}, fmt.Errorf("no event of a catalog entry has the type %s", e.Type)
	}
}

func fromEntryData(v messages.CatalogEntry) entry.Entry {
	return entry.Entry{
		ID:      v.ID,
		Draft:   entry.Draft{Product: v.Product, Market: v.Market, Start: fromDate(v.AvailabilityDate), End: fromDate(v.AvailabilityEndDate)},
		Version: v.Version, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
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

func fromDate(d *types.Date) entry.Date {
	if d == nil {
		return entry.Date{}
	}
	return entry.DateOf(d.Time)
}

func encoded(m event.Message, message any) (event.Message, error) {
	payload, err := json.Marshal(message)
	if err != nil {
		return event.Message{}, fmt.Errorf("encode %s: %w", m.Type, err)
	}
	m.Payload = payload
	return m, nil
}

// Package publish turns the monolith's business events into the messages that asyncapi/monolith.yaml describes.
package publish

import (
	"encoding/json"
	"fmt"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// Product encodes an event of a product.
func Product(e product.Event) (event.Message, error) {
	p := e.Product
	m := event.Message{ID: e.ID, Topic: messages.TopicProduct, Key: p.UUID.String(), Version: p.Version}
	var message any
	switch at := e.Time.UTC(); e.Kind {
	case product.Created:
		m.Type = messages.TypeProductCreated
		message = messages.NewProductCreatedEvent(e.ID, p.UUID, at, p.Version, toData(p))
	case product.Updated:
		m.Type = messages.TypeProductUpdated
		message = messages.NewProductUpdatedEvent(e.ID, p.UUID, at, p.Version, toData(p))
	case product.Discontinued:
		m.Type = messages.TypeProductDiscontinued
		message = messages.NewProductDiscontinuedEvent(e.ID, p.UUID, at, p.Version, toData(p))
	case product.Deleted:
		m.Type = messages.TypeProductDeleted
		message = messages.NewProductDeletedEvent(e.ID, p.UUID, at, p.Version, messages.ProductRef{ProductUUID: p.UUID})
	default:
		return event.Message{}, fmt.Errorf("no message for a product event of kind %q", e.Kind)
	}
	var err error
	if m.Payload, err = json.Marshal(message); err != nil {
		return event.Message{}, fmt.Errorf("encode %s: %w", m.Type, err)
	}
	return m, nil
}

// ReadProduct is the reverse of Product, for a database that has lost the product. An event of a deleted product has only the
// product's UUID, and no event has the monolith's own id.
func ReadProduct(e event.Event) (product.Product, error) {
	switch e.Type {
	case messages.TypeProductCreated, messages.TypeProductUpdated, messages.TypeProductDiscontinued:
		var data messages.Product
		err := strictjson.Unmarshal(e.Data, &data)
		return fromData(data), err
	case messages.TypeProductDeleted:
		var data messages.ProductRef
		err := strictjson.Unmarshal(e.Data, &data)
		return product.Product{UUID: data.ProductUUID, Deleted: true, Version: e.Version, CreatedAt: e.Time, UpdatedAt: e.Time}, err
	default:
		return product.Product{}, fmt.Errorf("no event of a product has the type %s", e.Type)
	}
}

func fromData(p messages.Product) product.Product {
	return product.Product{
		UUID:    p.ProductUUID,
		Draft:   product.Draft{Name: p.Name, Category: p.ProductCategory, Discontinued: p.Discontinued},
		Version: p.Version, CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
}

// toData returns the public state of a product: everything except the monolith's own id.
func toData(p product.Product) messages.Product {
	return messages.Product{
		ProductUUID: p.UUID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued, Version: p.Version,
		CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
}

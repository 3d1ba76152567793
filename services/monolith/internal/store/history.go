package store

import (
	"time"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// ModelProduct is the name of the products in the history.
const ModelProduct = "product"

func productObject(p product.Product) history.Object {
	return history.Object{Model: ModelProduct, Key: p.UUID.String()}
}

func productState(p product.Product) []history.Value {
	return []history.Value{
		{Field: "name", Value: p.Name}, {Field: "product_category", Value: p.Category},
		{Field: "discontinued", Value: p.Discontinued}, {Field: "deleted", Value: p.Deleted},
	}
}

// productChange is the change whose event is m.
func productChange(kind string, p product.Product, at time.Time, m event.Message) history.Change {
	return history.Change{Object: productObject(p), Kind: kind, Time: at, State: productState(p), Event: m}
}

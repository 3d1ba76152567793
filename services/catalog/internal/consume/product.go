// Package consume turns the monolith's events into calls of the business code that keeps the copy. Its types have only those
// members of an event that are used here, so that the owner can add members freely.
package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// TopicProduct is the topic that the catalog reads.
const TopicProduct = "monsplit.product.v1"

// The types of event that have an effect here. Other types are ignored.
const (
	typeProductCreated      = "monsplit.product.created.v1"
	typeProductUpdated      = "monsplit.product.updated.v1"
	typeProductDiscontinued = "monsplit.product.discontinued.v1"
	typeProductDeleted      = "monsplit.product.deleted.v1"
)

// productData has the members of a product's event that are used here.
type productData struct {
	Name         string    `json:"name"`
	Category     string    `json:"product_category"`
	Discontinued *bool     `json:"discontinued"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Products returns the handler of TopicProduct.
func Products[T productcopy.Tx](service *productcopy.Service) func(context.Context, T, []consumer.Event) error {
	return func(ctx context.Context, tx T, events []consumer.Event) error {
		changes := make([]productcopy.ProductChange, 0, len(events))
		for _, e := range events {
			id, err := uuid.Parse(e.Key)
			if err != nil || id.String() != e.Key {
				return consumer.Poison(fmt.Sprintf("the key %q is not a UUID in its usual form", e.Key))
			}
			c := productcopy.ProductChange{ID: id, Change: toChange(e)}
			switch {
			case e.Purge:
			case e.Type == typeProductDeleted:
				c.Deleted, c.Digest = true, copyrow.Of(e.Version, nil)
			case e.Type == typeProductCreated, e.Type == typeProductUpdated, e.Type == typeProductDiscontinued:
				// The data, and not the type, says whether the product is discontinued: the type only says what has changed.
				if c.ProductData, err = toProductData(e); err != nil {
					return err
				}
				c.Digest = copyrow.Of(e.Version, c.ProductData)
			default:
				e.UnknownType()
				continue
			}
			changes = append(changes, c)
		}
		return service.ApplyProducts(ctx, tx, changes)
	}
}

// ProductVersion returns the version of the copy of the product with this key, 0 if there is no copy.
func ProductVersion[T productcopy.Tx](ctx context.Context, tx T, key string) (int64, error) {
	id, err := uuid.Parse(key)
	if err != nil {
		return 0, consumer.Poison(fmt.Sprintf("the key %q is not a UUID", key))
	}
	rows, err := tx.LockProducts(ctx, []uuid.UUID{id})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Version, nil
}

func toChange(e consumer.Event) copyrow.Change {
	return copyrow.Change{Version: e.Version, Time: e.Time, Purged: e.Purge, SameVersion: e.SameVersion}
}

func toProductData(e consumer.Event) (productcopy.ProductData, error) {
	data, err := consumer.Data[productData](e)
	switch {
	case err != nil:
		return productcopy.ProductData{}, err
	case data.Name == "":
		return productcopy.ProductData{}, missing("name")
	case data.Category == "":
		return productcopy.ProductData{}, missing("product_category")
	case data.Discontinued == nil:
		return productcopy.ProductData{}, missing("discontinued")
	case data.UpdatedAt.IsZero():
		return productcopy.ProductData{}, missing("updated_at")
	}
	return productcopy.ProductData{
		Name: data.Name, Category: data.Category, Discontinued: *data.Discontinued,
		UpdatedAt: data.UpdatedAt.UTC().Truncate(time.Microsecond),
	}, nil
}

func missing(member string) error { return consumer.Poison("data: " + member + " is missing") }

// Package adminpages describes the catalog's data for its admin pages. It calls the same business services as the API, so the
// same rules hold. internal/adminui shows the pages.
package adminpages

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// Config has the business services, and what else the pages need.
type Config struct {
	Entries      *entry.Service
	Markets      *market.Service
	Products     *productcopy.Service
	ProductTopic string           // has the events that the copies of products follow
	Now          func() time.Time // tells which offers are open
}

// Resources returns what the admin pages of the catalog list.
func Resources(cfg Config) []adminui.Resource {
	entries, markets, products := entryPages{cfg}.resource(), marketPages{cfg.Markets}.resource(), productPages{cfg.Products}.resource()
	entries.Topic, markets.Topic, products.Topic = messages.TopicCatalogEntry, messages.TopicMarket, cfg.ProductTopic
	return []adminui.Resource{entries, markets, products}
}

// The paths of the lists. Pages link to each other.
const (
	pathEntries  = "entries"
	pathMarkets  = "markets"
	pathProducts = "products"
)

// mostChoices is how many things a picker shows at a time.
const mostChoices = 8

// identity returns the id in an address. Another text is not the id of anything.
func identity(id string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return uuid.Nil, apperr.New(apperr.NotFound, "There is nothing with this id.")
	}
	return parsed, nil
}

// at is the condition that a thing is at this version.
func at(version int64) condition.Match { return condition.Match{version} }

func text(s string) adminui.Cell      { return adminui.Cell{Text: s} }
func moment(t time.Time) adminui.Cell { return adminui.Cell{Time: t} }
func code(s string) adminui.Cell      { return adminui.Cell{Code: s} }
func integer(n int64) adminui.Cell    { return adminui.Cell{Text: strconv.FormatInt(n, 10)} }

// one is a function for adminui.Action.Do that deletes a thing.
func one(remove func(ctx context.Context, id string, version int64) (adminui.Saved, error)) func(context.Context, string, int64) error {
	return func(ctx context.Context, id string, version int64) error {
		_, err := remove(ctx, id, version)
		return err
	}
}

// Package adminpages describes the catalog's data for its admin pages. It calls the same business services as the API, so the
// same rules hold. internal/adminui shows the pages.
package adminpages

import (
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
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

// Package adminpages describes the monolith's data for its admin pages. It calls the same business services as the API, so the
// same rules hold. internal/adminui shows the pages.
package adminpages

import (
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// Config has the business services.
type Config struct {
	Products *product.Service
	Copies   *catalogcopy.Service
	Changes  *catalogchange.Service
	Wait     time.Duration // for the catalog's decision about a change of an entry
	Now      func() time.Time

	EntryTopic, MarketTopic string // have the events that the copies follow
}

// Resources returns what the admin pages of the monolith list.
func Resources(cfg Config) []adminui.Resource {
	products, entries, markets := productPages{cfg.Products, cfg.Copies}.resource(), entryPages{cfg}.resource(), marketPages{cfg.Copies}.resource()
	products.Topic, entries.Topic, markets.Topic = messages.TopicProduct, cfg.EntryTopic, cfg.MarketTopic
	return []adminui.Resource{products, entries, markets, requestPages{entryPages{cfg}}.resource()}
}

// The paths of the lists to which pages link.
const (
	pathProducts = "products"
	pathEntries  = "entries"
	pathMarkets  = "markets"
)

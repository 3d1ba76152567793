// Package adminpages describes the monolith's data for its admin pages. It calls the same business services as the API, so the
// same rules hold. internal/adminui shows the pages.
package adminpages

import (
	"fmt"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
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
	return []adminui.Resource{products, entries, markets, requestPages{cfg.Changes}.resource()}
}

// The paths of the lists to which pages link.
const (
	pathProducts = "products"
	pathEntries  = "entries"
	pathMarkets  = "markets"
)

// mostChoices is how many things a picker shows at a time.
const mostChoices = 8

// number returns the id in an address. Another text is not the id of anything.
func number(id, what string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, apperr.New(apperr.NotFound, fmt.Sprintf("There is no %s with this number.", what))
	}
	return n, nil
}

// at is the condition that a thing is at this version.
func at(version int64) condition.Match { return condition.Match{version} }

func text(s string) adminui.Cell      { return adminui.Cell{Text: s} }
func moment(t time.Time) adminui.Cell { return adminui.Cell{Time: t} }
func code(s string) adminui.Cell      { return adminui.Cell{Code: s} }
func integer(n int64) adminui.Cell    { return adminui.Cell{Text: strconv.FormatInt(n, 10)} }

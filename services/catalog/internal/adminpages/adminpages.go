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
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// Resources returns what the admin pages of the catalog list. now tells which offers are open.
func Resources(entries *entry.Service, markets *market.Service, products *productcopy.Service, now func() time.Time) []adminui.Resource {
	return []adminui.Resource{
		entryPages{entries, markets, products, now}.resource(), marketPages{markets}.resource(), productPages{products}.resource(),
	}
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

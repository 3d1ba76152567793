// Package httpapi serves the catalog's HTTP API. It turns requests into calls of the business code, and the results into
// answers. The server on which it is mounted renders its errors as problems.
package httpapi

import (
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// API implements the operations of api/catalog/openapi.yaml.
type API struct {
	entries *entry.Service
	markets *market.Service
	copies  *productcopy.Service
	fresh   httpserver.Freshness
}

var _ oapi.StrictServerInterface = (*API)(nil)

// New returns the API on the given business services. fresh knows the kind ProductCopy.
func New(entries *entry.Service, markets *market.Service, copies *productcopy.Service, fresh httpserver.Freshness) *API {
	return &API{entries: entries, markets: markets, copies: copies, fresh: fresh}
}

// The paths where entries and markets are created. An Idempotency-Key belongs to its path.
const (
	pathEntries = "/catalog/api/v1"
	pathMarkets = "/catalog/api/v1/markets"
)

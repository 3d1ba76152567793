// Package httpapi serves the monolith's HTTP API. It turns requests into calls of the business code, and the results into
// answers. The server on which it is mounted renders its errors as problems.
package httpapi

import (
	"time"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// API implements the operations of api/monolith/openapi.yaml.
type API struct {
	products     *product.Service
	copies       *catalogcopy.Service
	fresh        httpserver.Freshness
	writeTimeout time.Duration
}

var _ oapi.StrictServerInterface = (*API)(nil)

// New returns the API on the given business services. fresh knows the kind EntryCopy. writeTimeout is the time for a client to
// receive each part of a list.
func New(products *product.Service, copies *catalogcopy.Service, fresh httpserver.Freshness, writeTimeout time.Duration) *API {
	return &API{products: products, copies: copies, fresh: fresh, writeTimeout: writeTimeout}
}

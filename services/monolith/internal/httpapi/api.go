// Package httpapi serves the monolith's HTTP API. It turns requests into calls of the business code, and the results into
// answers. The server on which it is mounted renders its errors as problems.
package httpapi

import (
	"time"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// Config has the API's limits of time.
type Config struct {
	Stream     httpserver.StreamLimits
	ChangeWait time.Duration // for the outcome of a change of the catalog, if the client does not ask for another time
	MaxWait    time.Duration // longest time for which a client can ask
}

// API implements the operations of api/monolith/openapi.yaml.
type API struct {
	products *product.Service
	copies   *catalogcopy.Service
	changes  *catalogchange.Service
	fresh    httpserver.Freshness
	cfg      Config
	calls    *Calls
}

var _ oapi.StrictServerInterface = (*API)(nil)

// New returns the API on the given business services. fresh knows the kind catalogchange.KindCopy. New counts the changes of
// the catalog in calls.
func New(products *product.Service, copies *catalogcopy.Service, changes *catalogchange.Service, fresh httpserver.Freshness, calls *Calls, cfg Config) *API {
	return &API{products: products, copies: copies, changes: changes, fresh: fresh, calls: calls, cfg: cfg}
}

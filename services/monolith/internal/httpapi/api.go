// Package httpapi serves the monolith's HTTP API: it turns requests into calls of the business code, and what comes
// back into answers. Its errors are rendered as problems by the server that it is mounted on.
package httpapi

import (
	"time"

	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// API implements the operations of api/monolith/openapi.yaml.
type API struct {
	products     *product.Service
	copies       *catalogcopy.Service
	writeTimeout time.Duration
}

var _ oapi.StrictServerInterface = (*API)(nil)

// New returns the API on the given business services. A client has writeTimeout to receive each part of a list.
func New(products *product.Service, copies *catalogcopy.Service, writeTimeout time.Duration) *API {
	return &API{products: products, copies: copies, writeTimeout: writeTimeout}
}

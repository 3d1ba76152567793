// Package asyncapi holds the descriptions of the events that the services publish.
package asyncapi

import _ "embed"

// Monolith is the AsyncAPI document of the monolith's events.
//
//go:embed monolith.yaml
var Monolith []byte

// Catalog is the AsyncAPI document of the catalog service's events.
//
//go:embed catalog.yaml
var Catalog []byte

// Package catalogapi holds the description of the catalog's HTTP API.
package catalogapi

import _ "embed"

// Document is the OpenAPI document: what the service serves, validates requests against, and is generated from.
//
//go:embed openapi.yaml
var Document []byte

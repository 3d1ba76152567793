// Package catalogapi holds the description of the catalog's HTTP API.
package catalogapi

import _ "embed"

// Document is the OpenAPI document. The service serves it and validates requests with it, and code is generated from it.
//
//go:embed openapi.yaml
var Document []byte

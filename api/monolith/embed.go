// Package monolithapi holds the description of the monolith's HTTP API.
package monolithapi

import _ "embed"

// Document is the OpenAPI document. The service serves it and validates requests with it, and code is generated from it.
//
//go:embed openapi.yaml
var Document []byte

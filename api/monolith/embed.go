// Package monolithapi holds the description of the monolith's HTTP API.
package monolithapi

import _ "embed"

// Document is the OpenAPI document: what the service serves, validates requests against, and is generated from.
//
//go:embed openapi.yaml
var Document []byte

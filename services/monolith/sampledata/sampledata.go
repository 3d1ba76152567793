// Package sampledata holds the products that a demonstration begins with. One of them has the id that the examples in the
// OpenAPI documents name, so that they find something there.
package sampledata

import _ "embed"

// Products is a CSV file as the import command reads it.
//
//go:embed products.csv
var Products []byte

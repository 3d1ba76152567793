// Package sampledata holds the products that a demonstration starts with. One of them has the id that the examples in the
// OpenAPI documents use, so that these examples work.
package sampledata

import _ "embed"

// Products is a CSV file for the import command.
//
//go:embed products.csv
var Products []byte

// Package sampledata holds the products that a demonstration begins with.
package sampledata

import _ "embed"

// Products is a CSV file as the import command reads it.
//
//go:embed products.csv
var Products []byte

// Package sampledata holds the catalog entries that a demonstration starts with. They refer to the monolith's sample
// products by id. Nothing else connects the two.
package sampledata

import _ "embed"

// Entries is a CSV file for the import command.
//
//go:embed entries.csv
var Entries []byte

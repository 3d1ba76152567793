// Package sampledata holds the catalog entries that a demonstration begins with. They are of the monolith's sample
// products, which they name by their ids; nothing else ties the two together.
package sampledata

import _ "embed"

// Entries is a CSV file as the import command reads it.
//
//go:embed entries.csv
var Entries []byte

// Package sampledata holds the markets and the catalog entries that a demonstration starts with. The entries refer to the
// monolith's sample products by id. Nothing else connects the two.
//
// The names of the markets come from the Unicode CLDR, under the license in LICENSE-CLDR.txt. "make market-names" renews them.
package sampledata

import _ "embed"

// Entries is a CSV file for the import command.
//
//go:embed entries.csv
var Entries []byte

// Markets is a CSV file for the import command.
//
//go:embed markets.csv
var Markets []byte

// FormerMarketNames has the names that earlier samples gave to markets. A code can have several of them.
//
//go:embed former_market_names.csv
var FormerMarketNames []byte

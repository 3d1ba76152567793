// Package contracts holds what each consumer expects of its provider: pact files, written by the consumers' tests.
package contracts

import "embed"

// Pacts are the pact files of all consumers, as pacts/CONSUMER-PROVIDER.json.
//
//go:embed pacts/*.json
var Pacts embed.FS

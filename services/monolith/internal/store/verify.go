package store

import "github.com/monsplit/monsplit/internal/messaging/consumer"

// Copies says where the copies of the topics' markets and entries are, for the comparison with the logs. The handlers also give
// each row its integer.
func Copies(markets, entries string) consumer.VerifyConfig {
	return consumer.VerifyConfig{
		Copies: []consumer.Copy{
			{Topic: markets, Table: "market_copy", Key: "iso_code"}, {Topic: entries, Table: "catalog_entry_copy", Key: "id"},
		},
		Beside: []string{"legacy_market_id", "legacy_catalog_id"},
		// Rows of earlier releases have no digest. The integer id is this service's own.
		Ignore: []string{"applied_at", "digest", "legacy_id"},
	}
}

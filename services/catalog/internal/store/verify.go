package store

import "github.com/monsplit/monsplit/internal/messaging/consumer"

// Copies says where the copy of the topic's products is, for the comparison with the log. When a product ends, the handler
// looks for its entries.
func Copies(products string) consumer.VerifyConfig {
	return consumer.VerifyConfig{
		Copies: []consumer.Copy{{Topic: products, Table: "product_copy", Key: "id"}},
		Beside: []string{"catalog_entry"},
		Ignore: []string{"applied_at", "digest"}, // rows of earlier releases have no digest
	}
}

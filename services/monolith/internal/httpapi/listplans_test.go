package httpapi_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/listplans"
)

func TestListsFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	listplans.Run(t, listplans.Config{
		Document: monolithapi.Document, Pool: database(t), Tables: []string{"product", "catalog_entry_copy", "legacy_catalog_id"},
		Prepare: `INSERT INTO market_copy (iso_code, version, name, updated_at) VALUES ('AA', 1, 'v4242', now());
			INSERT INTO legacy_market_id (iso_code) VALUES ('AA')`,
		Filters:   map[string]string{"search": "V4242", "product_category": "category 1", "product": "4242", "market": "1"},
		Unmatched: map[string]string{"search": "no such name", "product_category": "no such category", "product": "999999", "market": "999"},
		Serve:     func(pool *pgxpool.Pool) apitest.Client { return serve(t, pool).Client },
	})
}

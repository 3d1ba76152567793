package adminpages_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/listplans"
)

func TestListsFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	listplans.RunPages(t, listplans.Config{
		Pool: database(t), Tables: []string{"product", "catalog_entry_copy", "legacy_catalog_id", "sent_request"},
		Prepare: `INSERT INTO market_copy (iso_code, version, name, updated_at) VALUES ('AA', 1, 'v4242', now());
			INSERT INTO legacy_market_id (iso_code) VALUES ('AA')`,
		Filters: map[string]string{
			"q": "V4242", "state": "active", "product_category": "category 1", "product": "4242", "market": "1", "stage": "done",
		},
	}, func(pool *pgxpool.Pool) (*admintest.Site, []adminui.Resource) {
		b := serve(t, pool)
		return b.Site, b.lists
	})
}

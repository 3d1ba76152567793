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
		Pool: database(t), Tables: []string{"catalog_entry", "product_copy"},
		Filters: map[string]string{
			"q": "V4242", "offer": "today", "market": "AA", "product": "00000000-0000-4000-8000-000000001092",
			"state": "active", "product_category": "category 1",
		},
	}, func(pool *pgxpool.Pool) (*admintest.Site, []adminui.Resource) {
		b := serve(t, pool)
		return b.Site, b.lists
	})
}

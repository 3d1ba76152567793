package httpapi_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/listplans"
)

// More entries are available on this day than store.Entries reads in the order of the index.
const availability = "An index has the entries of a day together, or the entries in the order of the list. None has both."

func TestListsFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	listplans.Run(t, listplans.Config{
		Document: catalogapi.Document, Pool: database(t), Tables: []string{"catalog_entry", "product_copy"},
		Filters: map[string]string{"search": "V4242", "product_category": "category 1", "available_on": "2026-03-01",
			"product": "00000000-0000-4000-8000-000000001092", "market": "AA"},
		Unmatched: map[string]string{"search": "no such name", "product_category": "no such category", "available_on": "1990-01-01",
			"product": "00000000-0000-4000-8000-ffffffffffff", "market": "ZZ"},
		Unindexed: map[string]string{
			"/catalog/api/v1?available_on=2019-06-01":                            availability,
			"/catalog/api/v1?available_on=2019-06-01&sort=-id":                   availability,
			"/catalog/api/v1?available_on=2019-06-01&sort=updated_at":            availability,
			"/catalog/api/v1?available_on=2019-06-01&sort=-updated_at":           availability,
			"/catalog/api/v1?available_on=2019-06-01&market=AA":                  availability,
			"/catalog/api/v1?available_on=2019-06-01&market=AA&sort=-id":         availability,
			"/catalog/api/v1?available_on=2019-06-01&market=AA&sort=updated_at":  availability,
			"/catalog/api/v1?available_on=2019-06-01&market=AA&sort=-updated_at": availability,
		},
		Serve: func(pool *pgxpool.Pool) apitest.Client { return serve(t, pool).Client },
	})
}

package httpapi_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/listplans"
)

func TestListsFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	listplans.Run(t, listplans.Config{
		Document: catalogapi.Document, Pool: database(t),
		Filters: map[string]string{"search": "V4242", "product_category": "category 1", "available_on": "2026-03-01",
			"product": "00000000-0000-4000-8000-000000001092", "market": "AA"},
		Serve: func(pool *pgxpool.Pool) apitest.Client { return serve(t, pool).Client },
	})
}

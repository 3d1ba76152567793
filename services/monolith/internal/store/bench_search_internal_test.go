package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// fillProducts adds so many products. Each has a material, a thing and its number as its name, and few have a rare word.
// The indexes of trigrams are built at the end, because that is much faster.
const fillProducts = `SET session_replication_role = replica;
SET statement_timeout = 0;
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE later AS SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'product' AND indexdef LIKE '%%gin_trgm_ops%%';
DO $$ DECLARE i record; BEGIN FOR i IN SELECT * FROM later LOOP EXECUTE format('DROP INDEX %%I', i.indexname); END LOOP; END $$;
INSERT INTO product (product_uuid, name, product_category, discontinued, version, created_at, updated_at)
SELECT gen_random_uuid(), (ARRAY['Walnut','Oak','Beech','Steel','Glass','Leather','Linen','Cotton','Marble','Bamboo','Copper','Velvet','Rattan','Ash','Pine','Teak'])[1 + n %% 16]
    || ' ' || (ARRAY['desk','chair','lamp','table','sofa','shelf','bed','mirror','stool','bench','cabinet','rug','clock','vase','curtain','drawer','wardrobe','cushion','basket','tray'])[1 + n / 16 %% 20]
    || ' ' || n || CASE WHEN n %% 100000 = 7 THEN ' Zephyrwing' WHEN n %% 5000 = 8 THEN ' Quillon' ELSE '' END,
    'category ' || n %% 40, n %% 10 = 0, 1, now(), now() - n * 7919 %% 1000003 * interval '1 s'
FROM generate_series(1, %d::bigint) n;
DO $$ DECLARE i record; BEGIN FOR i IN SELECT * FROM later LOOP EXECUTE i.indexdef; END LOOP; END $$;
VACUUM ANALYZE product`

// BenchmarkSearch reads the first page of a search among 10^6 products (10^5 with -short), and counts what matches, with the
// connections and settings of requests. The aim of a page is 50 ms.
func BenchmarkSearch(b *testing.B) {
	rows := 1_000_000
	if testing.Short() {
		rows = 100_000
	}
	pool := pgtest.New(b,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
	conn, err := pool.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	for statement := range strings.SplitSeq(fmt.Sprintf(fillProducts, rows), ";\n") {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%v: %s", err, statement)
		}
	}
	settings := postgres.Settings{URL: pgtest.URL(pool), MaxConns: 16, ListTimeout: time.Minute}
	direct, err := postgres.Open(b.Context(), settings.Direct("bench"))
	if err != nil {
		b.Fatal(err)
	}
	defer direct.Close()
	classed, err := postgres.OpenClassed(b.Context(), settings, "bench", postgres.NewMetrics(), direct)
	if err != nil {
		b.Fatal(err)
	}
	defer classed.Close()
	ctx, leave, err := admission.New(admission.Settings{Lists: 1}, admission.Entities{}).Enter(b.Context(), admission.List, "")
	if err != nil {
		b.Fatal(err)
	}
	defer leave(nil)
	s := New(classed, Encode{}, idempotency.Keys{}, func() {})
	for _, word := range []string{"desk", "walnut", "oak desk", "lam", "4242", "quillon", "zephyrwing", "nothing"} {
		q := product.Query{Search: word, IncludeDiscontinued: true, Limit: 51}
		for _, sort := range []product.Sort{{By: product.ByName}, {By: product.ByUpdatedAt, Desc: true}} {
			q.Sort = sort
			b.Run(fmt.Sprintf("%s/%s", strings.ReplaceAll(word, " ", "_"), sort.By), func(b *testing.B) {
				for b.Loop() {
					for _, err := range s.Products(ctx, q) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
		b.Run(strings.ReplaceAll(word, " ", "_")+"/count", func(b *testing.B) {
			for b.Loop() {
				if _, err := s.CountProducts(ctx, []product.Query{q}, 1001); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

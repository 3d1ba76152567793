package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// seededCategory is the category of all products, so that one filter leaves all rows.
const seededCategory = "Furniture"

// productUUID is SQL for the id of the product with the number n.
const productUUID = `('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`

// uuidOf is productUUID in Go.
func uuidOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

const seedMonolith = `
INSERT INTO product (id, product_uuid, name, product_category, version, created_at, updated_at)
	SELECT n, ` + productUUID + `, 'Product ' || n, '` + seededCategory + `', 1, now(), now() - n * interval '1 ms'
	FROM generate_series(1, %[1]d) n;
ALTER TABLE product ALTER COLUMN id RESTART WITH %[2]d;
INSERT INTO market_copy (iso_code, version, name, updated_at, applied_at)
	SELECT chr(65 + n / 26) || chr(65 + n %% 26), 1, 'Market ' || n, now(), now() FROM generate_series(0, %[3]d - 1) n;
INSERT INTO legacy_market_id (iso_code) SELECT iso_code FROM market_copy ORDER BY iso_code;
INSERT INTO catalog_entry_copy (id, version, product_uuid, market, updated_at, applied_at)
	VALUES ('` + hotEntry + `', 1, '%[4]s', '%[5]s', now(), now());
INSERT INTO legacy_catalog_id (entry_id) VALUES ('` + hotEntry + `')`

const seedCatalog = `
INSERT INTO market (iso_code, name, version, created_at, updated_at)
	SELECT chr(65 + n / 26) || chr(65 + n %% 26), 'Market ' || n, 1, now(), now() FROM generate_series(0, %[2]d - 1) n;
INSERT INTO product_copy (id, version, name, product_category, discontinued, updated_at, applied_at)
	SELECT ` + productUUID + `, 1, 'Product ' || n, '` + seededCategory + `', false, now(), now()
	FROM generate_series(1, %[1]d) n;
INSERT INTO catalog_entry (id, product_uuid, market, version, created_at, updated_at)
	VALUES ('` + hotEntry + `', '%[3]s', '%[4]s', 1, now(), now())`

// seed fills the tables without events: the products are there in both services, and do not change. Afterwards it vacuums,
// so that no background work disturbs the measurements.
func seed(ctx context.Context, monolith, catalog string, rows int) error {
	for _, one := range []struct{ url, sql, vacuum string }{
		{monolith, fmt.Sprintf(seedMonolith, rows, rows+1, seededMarkets, uuidOf(hotProduct), marketCode(seededMarkets-1)), "VACUUM ANALYZE product"},
		{catalog, fmt.Sprintf(seedCatalog, rows, seededMarkets, uuidOf(hotProduct), marketCode(seededMarkets-1)), "VACUUM ANALYZE product_copy"},
	} {
		conn, err := pgx.Connect(ctx, one.url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "SET session_replication_role = replica; "+one.sql) // without the triggers, which ask for events
		if err == nil {
			_, err = conn.Exec(ctx, one.vacuum)
		}
		if err == nil {
			_, err = conn.Exec(ctx, "CHECKPOINT")
		}
		if errClose := conn.Close(ctx); err == nil {
			err = errClose
		}
		if err != nil {
			return fmt.Errorf("fill the tables: %w", err)
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// seededCategory is the category of all products, so that one filter leaves all rows.
	seededCategory = "Furniture"
	seededMarket   = "NL"
)

// productUUID is SQL for the id of the product with the number n.
const productUUID = `('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`

// uuidOf is productUUID in Go.
func uuidOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

const seedMonolith = `
INSERT INTO product (id, product_uuid, name, product_category, version, created_at, updated_at)
	SELECT n, ` + productUUID + `, 'Product ' || n || ' ' || md5(n::text), '` + seededCategory + `', 1, now(), now() - n * interval '1 ms'
	FROM generate_series(1, %[1]d) n;
ALTER TABLE product ALTER COLUMN id RESTART WITH %[2]d;
INSERT INTO market_copy (iso_code, version, name, updated_at, applied_at) VALUES ('` + seededMarket + `', 1, 'Netherlands', now(), now());
INSERT INTO legacy_market_id (iso_code) VALUES ('` + seededMarket + `')`

const seedCatalog = `
INSERT INTO market (iso_code, name, version, created_at, updated_at) VALUES ('` + seededMarket + `', 'Netherlands', 1, now(), now());
INSERT INTO product_copy (id, version, name, product_category, discontinued, updated_at, applied_at)
	SELECT ` + productUUID + `, 1, 'Product ' || n || ' ' || md5(n::text), '` + seededCategory + `', false, now(), now()
	FROM generate_series(1, %[1]d) n`

// seed fills the tables without events: the products are there in both services, and do not change. Afterwards it vacuums,
// so that no background work disturbs the measurements.
func seed(ctx context.Context, monolith, catalog string, rows int) error {
	for _, one := range []struct{ url, sql, vacuum string }{
		{monolith, fmt.Sprintf(seedMonolith, rows, rows+1), "VACUUM ANALYZE product"},
		{catalog, fmt.Sprintf(seedCatalog, rows), "VACUUM ANALYZE product_copy"},
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

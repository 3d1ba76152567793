-- +goose NO TRANSACTION
-- Each sort and filter of the lists has an index in its order, and each search one of trigrams. They are built while the tables
-- are in use. An attempt that was interrupted leaves an index that is not valid, so each is dropped first. A write adds its
-- trigrams to a list of at most 256 KiB. The write that fills the list moves all of it into the index: a small list keeps that short.
-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE EXCEPTION 'searches need the extension pg_trgm of PostgreSQL''s contrib package: install the package at the server, and let its administrator run CREATE EXTENSION pg_trgm in the database % (%)',
        current_database(), SQLERRM USING ERRCODE = SQLSTATE;
END $$;
-- +goose StatementEnd
DROP INDEX CONCURRENTLY IF EXISTS product_copy_updated_at;
CREATE INDEX CONCURRENTLY product_copy_updated_at ON product_copy (updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_id;
CREATE INDEX CONCURRENTLY product_copy_category_id ON product_copy (product_category, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_name;
CREATE INDEX CONCURRENTLY product_copy_category_name ON product_copy (product_category, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_updated_at;
CREATE INDEX CONCURRENTLY product_copy_category_updated_at ON product_copy (product_category, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_name_trigrams;
CREATE INDEX CONCURRENTLY product_copy_name_trigrams ON product_copy USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_market_updated_at;
CREATE INDEX CONCURRENTLY catalog_entry_market_updated_at ON catalog_entry (market, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_product_updated_at;
CREATE INDEX CONCURRENTLY catalog_entry_product_updated_at ON catalog_entry (product_uuid, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS market_name;
CREATE INDEX CONCURRENTLY market_name ON market (name, iso_code) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS market_name_trigrams;
CREATE INDEX CONCURRENTLY market_name_trigrams ON market USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;

-- +goose Down
-- The extension stays: others may use it.
DROP INDEX product_copy_updated_at, product_copy_category_id, product_copy_category_name, product_copy_category_updated_at, product_copy_name_trigrams, catalog_entry_market_updated_at, catalog_entry_product_updated_at, market_name, market_name_trigrams;

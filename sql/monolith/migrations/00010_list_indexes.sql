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
-- The lists of entries are in the order of the integer id, so the copy has it too. A trigger sets it, because instances of the
-- earlier release write the copies meanwhile.
ALTER TABLE catalog_entry_copy ADD COLUMN IF NOT EXISTS legacy_id bigint;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_entry_copy_legacy_id() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    NEW.legacy_id := (SELECT id FROM legacy_catalog_id WHERE entry_id = NEW.id);
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE OR REPLACE TRIGGER catalog_entry_copy_legacy_id BEFORE INSERT OR UPDATE ON catalog_entry_copy
    FOR EACH ROW WHEN (NEW.legacy_id IS NULL) EXECUTE FUNCTION catalog_entry_copy_legacy_id();
-- A thousand rows at a time, so that the consumer does not wait long for a row.
-- +goose StatementBegin
DO $$
DECLARE
    last uuid := '00000000-0000-0000-0000-000000000000';
    ids uuid[];
BEGIN
    LOOP
        ids := ARRAY (SELECT id FROM catalog_entry_copy WHERE id > last ORDER BY id LIMIT 1000);
        EXIT WHEN cardinality(ids) = 0;
        UPDATE catalog_entry_copy SET legacy_id = NULL WHERE id = ANY (ids) AND legacy_id IS NULL;
        last := ids[cardinality(ids)];
        COMMIT;
    END LOOP;
END $$;
-- +goose StatementEnd
DROP INDEX CONCURRENTLY IF EXISTS product_name_id;
CREATE INDEX CONCURRENTLY product_name_id ON product (name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_category_name;
CREATE INDEX CONCURRENTLY product_category_name ON product (product_category, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_category_updated_at;
CREATE INDEX CONCURRENTLY product_category_updated_at ON product (product_category, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_name_trigrams;
CREATE INDEX CONCURRENTLY product_name_trigrams ON product USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS market_copy_name_trigrams;
CREATE INDEX CONCURRENTLY market_copy_name_trigrams ON market_copy USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_legacy_id;
CREATE INDEX CONCURRENTLY catalog_entry_copy_legacy_id ON catalog_entry_copy (legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_updated_at_id;
CREATE INDEX CONCURRENTLY catalog_entry_copy_updated_at_id ON catalog_entry_copy (updated_at, legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_product_id;
CREATE INDEX CONCURRENTLY catalog_entry_copy_product_id ON catalog_entry_copy (product_uuid, legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_product_updated_at;
CREATE INDEX CONCURRENTLY catalog_entry_copy_product_updated_at ON catalog_entry_copy (product_uuid, updated_at, legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_market_product;
CREATE INDEX CONCURRENTLY catalog_entry_copy_market_product ON catalog_entry_copy (market, product_uuid) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_market_id;
CREATE INDEX CONCURRENTLY catalog_entry_copy_market_id ON catalog_entry_copy (market, legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_market_updated_at;
CREATE INDEX CONCURRENTLY catalog_entry_copy_market_updated_at ON catalog_entry_copy (market, updated_at, legacy_id) WHERE NOT deleted AND version > 0;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_product;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_market;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_copy_updated_at;

-- +goose Down
-- The extension stays: others may use it.
CREATE INDEX catalog_entry_copy_product ON catalog_entry_copy (product_uuid);
CREATE INDEX catalog_entry_copy_market ON catalog_entry_copy (market);
CREATE INDEX catalog_entry_copy_updated_at ON catalog_entry_copy (updated_at) WHERE NOT deleted AND version > 0;
DROP INDEX product_name_id, product_category_name, product_category_updated_at, product_name_trigrams, market_copy_name_trigrams, catalog_entry_copy_legacy_id, catalog_entry_copy_updated_at_id, catalog_entry_copy_product_id, catalog_entry_copy_product_updated_at, catalog_entry_copy_market_product, catalog_entry_copy_market_id, catalog_entry_copy_market_updated_at;
DROP TRIGGER catalog_entry_copy_legacy_id ON catalog_entry_copy;
DROP FUNCTION catalog_entry_copy_legacy_id;
ALTER TABLE catalog_entry_copy DROP COLUMN legacy_id;

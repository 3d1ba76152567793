-- +goose NO TRANSACTION
-- Each list finds its rows by an index, however many rows are discontinued or deleted. The indexes of products begin with
-- discontinued. So they serve lists with and without discontinued products, which read both halves in order. They are built while
-- the tables are in use. An attempt that was interrupted leaves an index that is not valid, so each is dropped first. Until the end
-- of a rolling upgrade, instances of the earlier release sort a list with discontinued products by themselves.
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_id;
CREATE INDEX CONCURRENTLY product_copy_discontinued_id ON product_copy (discontinued, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_name;
CREATE INDEX CONCURRENTLY product_copy_discontinued_name ON product_copy (discontinued, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_updated_at;
CREATE INDEX CONCURRENTLY product_copy_discontinued_updated_at ON product_copy (discontinued, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_category;
CREATE INDEX CONCURRENTLY product_copy_discontinued_category ON product_copy (discontinued, product_category, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_category_name;
CREATE INDEX CONCURRENTLY product_copy_discontinued_category_name ON product_copy (discontinued, product_category, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_category_updated_at;
CREATE INDEX CONCURRENTLY product_copy_discontinued_category_updated_at ON product_copy (discontinued, product_category, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_current_trigrams;
CREATE INDEX CONCURRENTLY product_copy_current_trigrams ON product_copy USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted AND NOT discontinued;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued_trigrams;
CREATE INDEX CONCURRENTLY product_copy_discontinued_trigrams ON product_copy USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted AND discontinued;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_id;
CREATE INDEX CONCURRENTLY catalog_entry_id ON catalog_entry (id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS catalog_entry_available;
CREATE INDEX CONCURRENTLY catalog_entry_available ON catalog_entry USING gist (daterange(availability_date, availability_end_date, '[]')) WHERE NOT deleted AND availability_date IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_name;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_updated_at;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_id;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_name;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_category_updated_at;
DROP INDEX CONCURRENTLY IF EXISTS product_copy_name_trigrams;

-- +goose Down
CREATE INDEX product_copy_name ON product_copy (name, id) WHERE NOT deleted;
CREATE INDEX product_copy_updated_at ON product_copy (updated_at, id) WHERE NOT deleted;
CREATE INDEX product_copy_category_id ON product_copy (product_category, id) WHERE NOT deleted;
CREATE INDEX product_copy_category_name ON product_copy (product_category, name, id) WHERE NOT deleted;
CREATE INDEX product_copy_category_updated_at ON product_copy (product_category, updated_at, id) WHERE NOT deleted;
CREATE INDEX product_copy_name_trigrams ON product_copy USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;
DROP INDEX product_copy_discontinued_id, product_copy_discontinued_name, product_copy_discontinued_updated_at, product_copy_discontinued_category, product_copy_discontinued_category_name, product_copy_discontinued_category_updated_at, product_copy_current_trigrams, product_copy_discontinued_trigrams, catalog_entry_id, catalog_entry_available;

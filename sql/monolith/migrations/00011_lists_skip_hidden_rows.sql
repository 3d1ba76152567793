-- +goose NO TRANSACTION
-- Each list finds its rows by an index, however many of the products are discontinued. The indexes begin with discontinued. So they
-- serve lists with and without discontinued products, which read both halves in order. They are built while the table is in use.
-- An attempt that was interrupted leaves an index that is not valid, so each is dropped first. Until the end of a rolling upgrade,
-- instances of the earlier release sort a list with discontinued products by themselves.
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_id;
CREATE INDEX CONCURRENTLY product_discontinued_id ON product (discontinued, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_name;
CREATE INDEX CONCURRENTLY product_discontinued_name ON product (discontinued, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_updated_at;
CREATE INDEX CONCURRENTLY product_discontinued_updated_at ON product (discontinued, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_category;
CREATE INDEX CONCURRENTLY product_discontinued_category ON product (discontinued, product_category, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_category_name;
CREATE INDEX CONCURRENTLY product_discontinued_category_name ON product (discontinued, product_category, name, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_category_updated_at;
CREATE INDEX CONCURRENTLY product_discontinued_category_updated_at ON product (discontinued, product_category, updated_at, id) WHERE NOT deleted;
DROP INDEX CONCURRENTLY IF EXISTS product_current_trigrams;
CREATE INDEX CONCURRENTLY product_current_trigrams ON product USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted AND NOT discontinued;
DROP INDEX CONCURRENTLY IF EXISTS product_discontinued_trigrams;
CREATE INDEX CONCURRENTLY product_discontinued_trigrams ON product USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted AND discontinued;
DROP INDEX CONCURRENTLY IF EXISTS product_name_id;
DROP INDEX CONCURRENTLY IF EXISTS product_updated_at_id;
DROP INDEX CONCURRENTLY IF EXISTS product_category_id;
DROP INDEX CONCURRENTLY IF EXISTS product_category_name;
DROP INDEX CONCURRENTLY IF EXISTS product_category_updated_at;
DROP INDEX CONCURRENTLY IF EXISTS product_name_trigrams;

-- +goose Down
CREATE INDEX product_name_id ON product (name, id) WHERE NOT deleted;
CREATE INDEX product_updated_at_id ON product (updated_at, id) WHERE NOT deleted;
CREATE INDEX product_category_id ON product (product_category, id) WHERE NOT deleted;
CREATE INDEX product_category_name ON product (product_category, name, id) WHERE NOT deleted;
CREATE INDEX product_category_updated_at ON product (product_category, updated_at, id) WHERE NOT deleted;
CREATE INDEX product_name_trigrams ON product USING gin (lower(name COLLATE "und-x-icu") gin_trgm_ops) WITH (gin_pending_list_limit = 256) WHERE NOT deleted;
DROP INDEX product_discontinued_id, product_discontinued_name, product_discontinued_updated_at, product_discontinued_category, product_discontinued_category_name, product_discontinued_category_updated_at, product_current_trigrams, product_discontinued_trigrams;

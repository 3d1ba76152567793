-- +goose NO TRANSACTION
-- The admin pages list and count the discontinued products. Most products are not, so the index is small. It is built while the
-- table is in use. An attempt that was interrupted leaves an index that is not valid, so it is dropped first.
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS product_copy_discontinued;
CREATE INDEX CONCURRENTLY product_copy_discontinued ON product_copy (id) WHERE discontinued AND NOT deleted;

-- +goose Down
DROP INDEX product_copy_discontinued;

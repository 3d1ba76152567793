-- +goose Up
-- Tells apart the data of two events with the same version (package copyrow). It is null for a row of an earlier release, and
-- after a purge. It has the version that it belongs to: an instance of an earlier release changes the row and not the digest.
ALTER TABLE market_copy ADD COLUMN digest bytea;
ALTER TABLE catalog_entry_copy ADD COLUMN digest bytea;

-- +goose Down
ALTER TABLE market_copy DROP COLUMN digest;
ALTER TABLE catalog_entry_copy DROP COLUMN digest;

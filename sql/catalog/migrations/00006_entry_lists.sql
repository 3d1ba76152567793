-- +goose Up
-- Lists of the entries of a product or of a market are in the order of the ids. Without statistics, PostgreSQL would read the
-- whole table in that order, and skip the other entries.
CREATE INDEX catalog_entry_product_id ON catalog_entry (product_uuid, id) WHERE NOT deleted;
CREATE INDEX catalog_entry_market_id ON catalog_entry (market, id) WHERE NOT deleted;
DROP INDEX catalog_entry_product;

-- +goose Down
CREATE INDEX catalog_entry_product ON catalog_entry (product_uuid) WHERE NOT deleted;
DROP INDEX catalog_entry_product_id, catalog_entry_market_id;

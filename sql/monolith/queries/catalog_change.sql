-- Both are null if they are not known. A market that was deleted, or of which no event has come, is known: the owner decides.
-- name: GetReferences :one
SELECT p.product_uuid, p.version, m.iso_code
FROM (SELECT 1) AS one
LEFT JOIN product p ON p.id = @product AND NOT p.deleted
LEFT JOIN legacy_market_id m ON m.id = @market;

-- name: GetProductVersion :one
SELECT version FROM product WHERE product_uuid = @product_uuid;

-- name: AllotEntryID :one
INSERT INTO legacy_catalog_id (entry_id) VALUES (@entry_id) RETURNING id;

-- An entry, and what the copies know of it. product and market are the integers of the legacy API, as in the list of entries:
-- they are null if the product or the market is not known here.
-- name: GetTarget :one
SELECT l.id, l.entry_id, c.version, c.deleted, c.product_uuid, p.version AS product_version, p.id AS product, m.id AS market,
    c.availability_date, c.availability_end_date, c.updated_at
FROM legacy_catalog_id l
LEFT JOIN catalog_entry_copy c ON c.id = l.entry_id
LEFT JOIN product p ON p.product_uuid = c.product_uuid
LEFT JOIN market_copy k ON k.iso_code = c.market AND k.version > 0
LEFT JOIN legacy_market_id m ON m.iso_code = k.iso_code
WHERE l.id = @id;

-- As GetTarget, by the id that all services know.
-- name: GetTargetOf :one
SELECT l.id, l.entry_id, c.version, c.deleted, c.product_uuid, p.version AS product_version, p.id AS product, m.id AS market,
    c.availability_date, c.availability_end_date, c.updated_at
FROM legacy_catalog_id l
LEFT JOIN catalog_entry_copy c ON c.id = l.entry_id
LEFT JOIN product p ON p.product_uuid = c.product_uuid
LEFT JOIN market_copy k ON k.iso_code = c.market AND k.version > 0
LEFT JOIN legacy_market_id m ON m.iso_code = k.iso_code
WHERE l.entry_id = @entry_id;

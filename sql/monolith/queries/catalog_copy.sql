-- Adds stubs, in the order of their keys, so that two batches cannot deadlock.
-- name: AddMarkets :exec
INSERT INTO market_copy (iso_code) SELECT code FROM unnest(@codes::text[]) code ORDER BY code ON CONFLICT DO NOTHING;

-- The subquery leaves out markets that already have an id, because each failed INSERT would use up a number of the sequence.
-- ON CONFLICT handles two concurrent inserts.
-- name: AddMarketIDs :exec
INSERT INTO legacy_market_id (iso_code)
SELECT code FROM unnest(@codes::text[]) code
WHERE NOT EXISTS (SELECT FROM legacy_market_id l WHERE l.iso_code = code)
ORDER BY code ON CONFLICT DO NOTHING;

-- name: LockMarkets :many
SELECT * FROM market_copy WHERE iso_code = ANY (@codes::text[]) ORDER BY iso_code FOR UPDATE;

-- Empty texts and the year 1 mean null, because arrays from Go have no nulls.
-- name: SaveMarkets :exec
UPDATE market_copy m
SET version = u.version, deleted = u.deleted, name = nullif(u.name, ''),
    updated_at = nullif(u.updated_at, '0001-01-01 00:00:00+00'), digest = nullif(u.digest, ''), applied_at = now()
FROM (SELECT unnest(@codes::text[]) AS iso_code, unnest(@versions::bigint[]) AS version,
        unnest(@deleted::boolean[]) AS deleted, unnest(@names::text[]) AS name,
        unnest(@updated_ats::timestamptz[]) AS updated_at, unnest(@digests::bytea[]) AS digest) u
WHERE m.iso_code = u.iso_code;

-- name: AddEntries :exec
INSERT INTO catalog_entry_copy (id) SELECT id FROM unnest(@ids::uuid[]) id ORDER BY id ON CONFLICT DO NOTHING;

-- name: AddEntryIDs :exec
INSERT INTO legacy_catalog_id (entry_id)
SELECT entry FROM unnest(@ids::uuid[]) entry
WHERE NOT EXISTS (SELECT FROM legacy_catalog_id l WHERE l.entry_id = entry)
ORDER BY entry ON CONFLICT DO NOTHING;

-- name: LockEntries :many
SELECT * FROM catalog_entry_copy WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR UPDATE;

-- Empty texts, the nil UUID and the year 1 mean null, because arrays from Go have no nulls.
-- name: SaveEntries :exec
UPDATE catalog_entry_copy e
SET version = u.version, deleted = u.deleted,
    product_uuid = nullif(u.product_uuid, '00000000-0000-0000-0000-000000000000'), market = nullif(u.market, ''),
    availability_date = nullif(u.starts, '')::date, availability_end_date = nullif(u.ends, '')::date,
    updated_at = nullif(u.updated_at, '0001-01-01 00:00:00+00'), digest = nullif(u.digest, ''), applied_at = now()
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@versions::bigint[]) AS version,
        unnest(@deleted::boolean[]) AS deleted, unnest(@product_uuids::uuid[]) AS product_uuid,
        unnest(@markets::text[]) AS market, unnest(@starts::text[]) AS starts, unnest(@ends::text[]) AS ends,
        unnest(@updated_ats::timestamptz[]) AS updated_at, unnest(@digests::bytea[]) AS digest) u
WHERE e.id = u.id;

-- name: LegacyEntry :one
SELECT entry_id FROM legacy_catalog_id WHERE id = @id;

-- The same entries as the legacy API shows, and deleted ones: an entry whose product or market is not known here yet counts
-- as not arrived.
-- name: EntryVersions :many
SELECT e.id, e.version FROM catalog_entry_copy e
WHERE e.id = ANY (@ids::uuid[]) AND e.version > 0 AND (e.deleted OR (
    EXISTS (SELECT FROM product p WHERE p.product_uuid = e.product_uuid)
    AND EXISTS (SELECT FROM market_copy c WHERE c.iso_code = e.market AND c.version > 0)));

-- name: LegacyMarket :one
SELECT iso_code FROM legacy_market_id WHERE id = @id;

-- name: GetEntry :one
SELECT * FROM catalog_entry WHERE id = @id AND NOT deleted;

-- The first entries of the index that are available on a day.
-- name: SomeAvailable :many
SELECT id FROM catalog_entry
WHERE NOT deleted AND availability_date IS NOT NULL AND daterange(availability_date, availability_end_date, '[]') @> @day::date
LIMIT @most::int;

-- name: LockEntry :one
SELECT * FROM catalog_entry WHERE id = @id AND NOT deleted FOR UPDATE;

-- name: LockEntryAt :one
SELECT * FROM catalog_entry WHERE market = @market AND product_uuid = @product_uuid AND NOT deleted FOR UPDATE;

-- H4 write skew: this must be a separate statement, after the one that changed the products. That one has waited for the
-- locks of transactions that saw the products on sale. The snapshot of this one is newer, so it sees their entries.
-- The entries of each product are found by themselves, and the order is that of the ids, but as texts: otherwise the planner may
-- read the whole table in the order of its ids. The products must differ.
-- name: LockEntriesOf :many
SELECT e.* FROM (SELECT unnest(@products::uuid[]) AS product_uuid) n
JOIN catalog_entry e ON e.product_uuid = n.product_uuid AND NOT e.deleted ORDER BY e.id::text FOR UPDATE OF e;

-- name: InsertEntry :exec
INSERT INTO catalog_entry (id, product_uuid, market, availability_date, availability_end_date, deleted, version,
    created_at, updated_at)
VALUES (@id, @product_uuid, @market, @availability_date, @availability_end_date, @deleted, @version, @created_at,
    @updated_at);

-- name: UpdateEntry :exec
UPDATE catalog_entry SET availability_date = @availability_date, availability_end_date = @availability_end_date,
    deleted = @deleted, version = @version, updated_at = @updated_at
WHERE id = @id;

-- The consumer calls this in transactions that only use plans by key. Empty texts mean null, because arrays from Go have no
-- nulls.
-- name: UpdateEntries :exec
UPDATE catalog_entry e
SET availability_date = nullif(u.starts, '')::date, availability_end_date = nullif(u.ends, '')::date,
    deleted = u.deleted, version = u.version, updated_at = u.updated_at
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@starts::text[]) AS starts, unnest(@ends::text[]) AS ends,
        unnest(@deleted::boolean[]) AS deleted, unnest(@versions::bigint[]) AS version,
        unnest(@updated_ats::timestamptz[]) AS updated_at) u
WHERE e.id = u.id;

-- name: EntriesAt :many
SELECT sqlc.embed(e)
FROM (SELECT unnest(@markets::text[]) AS market, unnest(@products::uuid[]) AS product_uuid) n
JOIN catalog_entry e ON e.market = n.market AND e.product_uuid = n.product_uuid AND NOT e.deleted;

-- The product and the market of a new entry must not change until the entry is committed.
-- name: ShareProduct :one
SELECT discontinued FROM product_copy WHERE id = @id AND NOT deleted FOR SHARE;

-- name: ShareMarket :one
SELECT iso_code FROM market WHERE iso_code = @iso_code AND NOT deleted FOR SHARE;

-- Several at once, in the order of their keys.
-- name: ShareProducts :exec
SELECT id FROM product_copy WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR SHARE;

-- name: ShareMarkets :exec
SELECT iso_code FROM market WHERE iso_code = ANY (@codes::text[]) ORDER BY iso_code FOR SHARE;

-- name: ProductStates :many
SELECT id, discontinued FROM product_copy WHERE id = ANY (@ids::uuid[]) AND NOT deleted;

-- name: KnownMarkets :many
SELECT iso_code FROM market WHERE iso_code = ANY (@codes::text[]) AND NOT deleted;

-- Deleted entries too.
-- name: CountEntries :one
SELECT count(*)::int FROM catalog_entry;

-- Deleted entries too. Nothing changes these entries until the end of the transaction.
-- name: PageOfEntries :many
SELECT * FROM catalog_entry WHERE id > @after ORDER BY id LIMIT @most FOR NO KEY UPDATE;

-- Gives entries versions past the published ones. The trigger allows it to the command "outbox reassert" alone.
-- name: RaiseEntries :many
UPDATE catalog_entry t SET version = greatest(t.version, u.version) + 1
FROM (SELECT unnest(@keys::uuid[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE t.id = u.key RETURNING t.*;

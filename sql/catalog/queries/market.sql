-- name: GetMarket :one
SELECT * FROM market WHERE iso_code = @iso_code AND NOT deleted;

-- A deleted market continues with its next version when it comes back.
-- name: LockMarket :one
SELECT * FROM market WHERE iso_code = @iso_code FOR UPDATE;

-- name: MarketInUse :one
SELECT EXISTS (SELECT FROM catalog_entry WHERE market = @iso_code AND NOT deleted);

-- name: InsertMarket :exec
INSERT INTO market (iso_code, name, deleted, version, created_at, updated_at)
VALUES (@iso_code, @name, @deleted, @version, @created_at, @updated_at);

-- name: UpdateMarket :exec
UPDATE market SET name = @name, deleted = @deleted, version = @version, created_at = @created_at,
    updated_at = @updated_at
WHERE iso_code = @iso_code;

-- Deleted markets too.
-- name: CountMarkets :one
SELECT count(*)::int FROM market;

-- Deleted markets too. Nothing changes these markets until the end of the transaction.
-- name: PageOfMarkets :many
SELECT * FROM market WHERE iso_code > @after ORDER BY iso_code LIMIT @most FOR NO KEY UPDATE;

-- Gives markets versions past the published ones. The trigger allows it to the command "outbox reassert" alone.
-- name: RaiseMarkets :many
UPDATE market t SET version = greatest(t.version, u.version) + 1
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE t.iso_code = u.key RETURNING t.*;

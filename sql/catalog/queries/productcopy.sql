-- name: GetProduct :one
SELECT * FROM product_copy WHERE id = @id AND version > 0 AND NOT deleted;

-- Stubs, in the order of their keys, so that two batches never wait for each other in a circle.
-- name: AddProducts :exec
INSERT INTO product_copy (id) SELECT id FROM unnest(@ids::uuid[]) id ORDER BY id ON CONFLICT DO NOTHING;

-- name: LockProducts :many
SELECT * FROM product_copy WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR UPDATE;

-- Empty texts and the year 1 stand for null: arrays from Go have no nulls.
-- name: SaveProducts :exec
UPDATE product_copy p
SET version = u.version, deleted = u.deleted, name = nullif(u.name, ''),
    product_category = nullif(u.product_category, ''), discontinued = u.discontinued,
    updated_at = nullif(u.updated_at, '0001-01-01 00:00:00+00'), applied_at = now()
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@versions::bigint[]) AS version,
        unnest(@deleted::boolean[]) AS deleted, unnest(@names::text[]) AS name,
        unnest(@categories::text[]) AS product_category, unnest(@discontinued::boolean[]) AS discontinued,
        unnest(@updated_ats::timestamptz[]) AS updated_at) u
WHERE p.id = u.id;

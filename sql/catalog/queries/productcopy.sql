-- name: GetProduct :one
SELECT * FROM product_copy WHERE id = @id AND NOT deleted;

-- Of deleted products too.
-- name: ProductVersions :many
SELECT id, version FROM product_copy WHERE id = ANY (@ids::uuid[]);

-- name: LockProducts :many
SELECT * FROM product_copy WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR UPDATE;

-- The rows are written in the order of their keys, so that two batches cannot deadlock. The caller has locked the existing
-- rows. A newer row that another transaction has added in the meantime stays as it is. Empty texts and the year 1 mean null,
-- because arrays from Go have no nulls.
-- name: SaveProducts :execrows
INSERT INTO product_copy AS p (id, version, deleted, name, product_category, discontinued, updated_at, digest, applied_at)
SELECT u.id, u.version, u.deleted, nullif(u.name, ''), nullif(u.product_category, ''), u.discontinued,
    nullif(u.updated_at, '0001-01-01 00:00:00+00'), nullif(u.digest, ''), now()
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@versions::bigint[]) AS version,
        unnest(@deleted::boolean[]) AS deleted, unnest(@names::text[]) AS name,
        unnest(@categories::text[]) AS product_category, unnest(@discontinued::boolean[]) AS discontinued,
        unnest(@updated_ats::timestamptz[]) AS updated_at, unnest(@digests::bytea[]) AS digest) u
ORDER BY u.id
ON CONFLICT (id) DO UPDATE SET version = excluded.version, deleted = excluded.deleted, name = excluded.name,
    product_category = excluded.product_category, discontinued = excluded.discontinued,
    updated_at = excluded.updated_at, digest = excluded.digest, applied_at = excluded.applied_at
WHERE p.version <= excluded.version;

-- name: ProductsByID :many
SELECT * FROM product_copy WHERE id = ANY (@ids::uuid[]) AND NOT deleted;

-- Each step finds the next category by the index, among the products on sale and among the discontinued ones. So the time does
-- not depend on the number of products.
-- name: Categories :many
WITH RECURSIVE category (name) AS (
    SELECT '' COLLATE "C"
    UNION ALL
    SELECT least(
        (SELECT p.product_category FROM product_copy p WHERE NOT p.deleted AND NOT p.discontinued AND p.product_category > c.name
            ORDER BY p.product_category LIMIT 1),
        (SELECT p.product_category FROM product_copy p WHERE NOT p.deleted AND p.discontinued AND p.product_category > c.name
            ORDER BY p.product_category LIMIT 1))
    FROM category c WHERE c.name IS NOT NULL
)
SELECT name::text FROM category WHERE name <> '' LIMIT @most;

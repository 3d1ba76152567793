-- name: GetProduct :one
SELECT * FROM product WHERE id = @id AND NOT deleted;

-- name: LockProduct :one
SELECT * FROM product WHERE id = @id AND NOT deleted FOR UPDATE;

-- A deleted product continues with its next version when it comes back.
-- name: LockProductByUUID :one
SELECT * FROM product WHERE product_uuid = @product_uuid FOR UPDATE;

-- name: LockProductByName :one
SELECT * FROM product WHERE name = @name AND product_category = @product_category AND NOT deleted FOR UPDATE;

-- name: InsertProduct :one
INSERT INTO product (product_uuid, name, product_category, discontinued, deleted, version, created_at, updated_at)
VALUES (@product_uuid, @name, @product_category, @discontinued, @deleted, @version, @created_at, @updated_at)
RETURNING id;

-- name: UpdateProduct :exec
UPDATE product SET name = @name, product_category = @product_category, discontinued = @discontinued,
    deleted = @deleted, version = @version, created_at = @created_at, updated_at = @updated_at
WHERE id = @id;

-- name: ProductsNamed :many
SELECT p.name, p.product_category, p.product_uuid
FROM (SELECT unnest(@names::text[]) AS name, unnest(@categories::text[]) AS product_category) n
JOIN product p ON p.name = n.name AND p.product_category = n.product_category AND NOT p.deleted;

-- Deleted products too.
-- name: CountProducts :one
SELECT count(*)::int FROM product;

-- Deleted products too. Nothing changes these products until the end of the transaction.
-- name: PageOfProducts :many
SELECT * FROM product WHERE product_uuid > @after ORDER BY product_uuid LIMIT @most FOR NO KEY UPDATE;

-- Gives products versions past the published ones. The trigger allows it to the command "outbox reassert" alone.
-- name: RaiseProducts :many
UPDATE product t SET version = greatest(t.version, u.version) + 1
FROM (SELECT unnest(@keys::uuid[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE t.product_uuid = u.key RETURNING t.*;

-- Each step finds the next category by the index, among the products on sale and among the discontinued ones. So the time does
-- not depend on the number of products.
-- name: Categories :many
WITH RECURSIVE category (name) AS (
    SELECT '' COLLATE "C"
    UNION ALL
    SELECT least(
        (SELECT p.product_category FROM product p WHERE NOT p.deleted AND NOT p.discontinued AND p.product_category > c.name
            ORDER BY p.product_category LIMIT 1),
        (SELECT p.product_category FROM product p WHERE NOT p.deleted AND p.discontinued AND p.product_category > c.name
            ORDER BY p.product_category LIMIT 1))
    FROM category c WHERE c.name IS NOT NULL
)
SELECT name::text FROM category WHERE name <> '' LIMIT @most;

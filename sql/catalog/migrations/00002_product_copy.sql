-- +goose Up
-- The copy of the products, which the monolith owns. Only events change it. It has none of the owner's constraints, because
-- events of different partitions arrive in any order.
CREATE TABLE product_copy (
    id               uuid    PRIMARY KEY,
    version          bigint  NOT NULL,
    deleted          boolean NOT NULL DEFAULT false,
    name             text    COLLATE "C",
    product_category text    COLLATE "C",
    discontinued     boolean,
    updated_at       timestamptz,
    applied_at       timestamptz
);
CREATE INDEX product_copy_name ON product_copy (name, id) WHERE NOT deleted;

-- +goose Down
DROP TABLE product_copy;

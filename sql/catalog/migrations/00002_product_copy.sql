-- +goose Up
-- The copy of what the monolith owns. Changed by events alone; none of the owner's constraints: across partitions
-- things arrive in any order.
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

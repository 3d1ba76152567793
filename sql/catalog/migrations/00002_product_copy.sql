-- +goose Up
-- The copy of what the monolith owns. Changed by events alone; none of the owner's constraints: across partitions
-- things arrive in any order. Version 0 is a stub, hidden from reads.
CREATE TABLE product_copy (
    id               uuid    PRIMARY KEY,
    version          bigint  NOT NULL DEFAULT 0,
    deleted          boolean NOT NULL DEFAULT false,
    name             text    COLLATE "C",
    product_category text    COLLATE "C",
    discontinued     boolean,
    updated_at       timestamptz,
    applied_at       timestamptz
);
CREATE INDEX product_copy_name ON product_copy (name, id) WHERE NOT deleted AND version > 0;

-- +goose Down
DROP TABLE product_copy;

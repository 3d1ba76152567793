-- +goose Up
-- Copies of the markets and entries, which the catalog service owns. The legacy API reads them. Only events change them. They
-- have none of the owner's constraints, because events of different partitions arrive in any order. A row with version 0 is
-- a stub, which reads hide.
CREATE TABLE market_copy (
    iso_code   text    COLLATE "C" PRIMARY KEY,
    version    bigint  NOT NULL DEFAULT 0,
    deleted    boolean NOT NULL DEFAULT false,
    name       text    COLLATE "C",
    updated_at timestamptz,
    applied_at timestamptz
);
CREATE TABLE catalog_entry_copy (
    id                    uuid    PRIMARY KEY,
    version               bigint  NOT NULL DEFAULT 0,
    deleted               boolean NOT NULL DEFAULT false,
    product_uuid          uuid,
    market                text    COLLATE "C",
    availability_date     date,
    availability_end_date date,
    updated_at            timestamptz,
    applied_at            timestamptz
);
CREATE INDEX catalog_entry_copy_product ON catalog_entry_copy (product_uuid);
CREATE INDEX catalog_entry_copy_market ON catalog_entry_copy (market);
CREATE INDEX catalog_entry_copy_updated_at ON catalog_entry_copy (updated_at) WHERE NOT deleted AND version > 0;

-- The integer ids that old integrations know. Never truncate these tables: if a copy is rebuilt, its ids must stay the same.
CREATE TABLE legacy_market_id (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    iso_code text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE legacy_catalog_id (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id uuid NOT NULL UNIQUE
);

-- +goose Down
DROP TABLE legacy_catalog_id, legacy_market_id, catalog_entry_copy, market_copy;

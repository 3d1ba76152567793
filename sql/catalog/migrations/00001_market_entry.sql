-- +goose Up
-- This service owns these rows. They are marked as deleted, and never removed. After that, the product can get a new entry
-- in the market.
CREATE TABLE market (
    iso_code   text        COLLATE "C" PRIMARY KEY CHECK (iso_code ~ '^[A-Z]{2}$'),
    name       text        COLLATE "C" NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
    deleted    boolean     NOT NULL DEFAULT false,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX market_updated_at ON market (updated_at, iso_code) WHERE NOT deleted;

CREATE TABLE catalog_entry (
    id                    uuid        PRIMARY KEY,
    product_uuid          uuid        NOT NULL,
    market                text        COLLATE "C" NOT NULL REFERENCES market,
    availability_date     date,
    availability_end_date date,
    deleted               boolean     NOT NULL DEFAULT false,
    version               bigint      NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CHECK (availability_end_date >= availability_date)
);
CREATE UNIQUE INDEX catalog_entry_market_product ON catalog_entry (market, product_uuid) WHERE NOT deleted;
CREATE INDEX catalog_entry_product ON catalog_entry (product_uuid) WHERE NOT deleted;
CREATE INDEX catalog_entry_updated_at ON catalog_entry (updated_at, id) WHERE NOT deleted;

-- A row changes only with its next version and its event, also when another program writes.
-- +goose StatementBegin
CREATE FUNCTION market_has_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    want bigint := 1;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'market rows are marked deleted, never deleted' USING ERRCODE = 'MS002';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        want := OLD.version + 1;
    END IF;
    IF NEW.version <> want OR NOT EXISTS (SELECT FROM outbox_pending
        WHERE topic = 'monsplit.market.v1' AND key = NEW.iso_code AND version = want)
    THEN
        RAISE EXCEPTION 'market % changed without its event', NEW.iso_code USING ERRCODE = 'MS001';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION catalog_entry_has_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    want bigint := 1;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'catalog_entry rows are marked deleted, never deleted' USING ERRCODE = 'MS002';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        want := OLD.version + 1;
    END IF;
    IF NEW.version <> want OR NOT EXISTS (SELECT FROM outbox_pending
        WHERE topic = 'monsplit.catalog-entry.v1' AND key = NEW.id::text AND version = want)
    THEN
        RAISE EXCEPTION 'catalog entry % changed without its event', NEW.id USING ERRCODE = 'MS001';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION owned_keeps_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never truncated', TG_TABLE_NAME USING ERRCODE = 'MS002';
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER market_has_event AFTER INSERT OR UPDATE OR DELETE ON market
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION market_has_event();
CREATE CONSTRAINT TRIGGER catalog_entry_has_event AFTER INSERT OR UPDATE OR DELETE ON catalog_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalog_entry_has_event();
CREATE TRIGGER market_keeps_rows BEFORE TRUNCATE ON market EXECUTE FUNCTION owned_keeps_rows();
CREATE TRIGGER catalog_entry_keeps_rows BEFORE TRUNCATE ON catalog_entry EXECUTE FUNCTION owned_keeps_rows();

-- +goose Down
DROP TABLE catalog_entry, market;
DROP FUNCTION owned_keeps_rows, catalog_entry_has_event, market_has_event;

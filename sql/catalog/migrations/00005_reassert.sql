-- +goose Up
-- The command "outbox reassert" may raise versions by more than one: see outbox_reasserts.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION market_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
    IF NEW.version > want AND outbox_reasserts() THEN
        want := NEW.version;
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
CREATE OR REPLACE FUNCTION catalog_entry_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
    IF NEW.version > want AND outbox_reasserts() THEN
        want := NEW.version;
    END IF;
    IF NEW.version <> want OR NOT EXISTS (SELECT FROM outbox_pending
        WHERE topic = 'monsplit.catalog-entry.v1' AND key = NEW.id::text AND version = want)
    THEN
        RAISE EXCEPTION 'catalog entry % changed without its event', NEW.id USING ERRCODE = 'MS001';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_entry_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
CREATE OR REPLACE FUNCTION market_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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

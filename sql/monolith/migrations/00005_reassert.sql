-- +goose Up
-- The command "outbox reassert" may raise versions by more than one: see outbox_reasserts.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION product_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    want bigint := 1;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'product rows are marked deleted, never deleted' USING ERRCODE = 'MS002';
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
        WHERE topic = 'monsplit.product.v1' AND key = NEW.product_uuid::text AND version = want)
    THEN
        RAISE EXCEPTION 'product % changed without its event', NEW.product_uuid USING ERRCODE = 'MS001';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION product_has_event() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    want bigint := 1;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'product rows are marked deleted, never deleted' USING ERRCODE = 'MS002';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS NOT DISTINCT FROM OLD THEN
            RETURN NULL;
        END IF;
        want := OLD.version + 1;
    END IF;
    IF NEW.version <> want OR NOT EXISTS (SELECT FROM outbox_pending
        WHERE topic = 'monsplit.product.v1' AND key = NEW.product_uuid::text AND version = want)
    THEN
        RAISE EXCEPTION 'product % changed without its event', NEW.product_uuid USING ERRCODE = 'MS001';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Up
-- JSON has doubles: a client would round an id from 2^53 on. A sequence that was set further ahead is used up from now on.
-- +goose StatementBegin
DO $$
DECLARE
    largest CONSTANT bigint := 9007199254740991;
    owner text;
    ids text;
    last bigint;
BEGIN
    FOREACH owner IN ARRAY ARRAY['product', 'legacy_market_id', 'legacy_catalog_id'] LOOP
        ids := pg_get_serial_sequence(owner, 'id');
        EXECUTE format('SELECT last_value FROM %s', ids) INTO last;
        IF last > largest THEN
            PERFORM setval(ids, largest);
        END IF;
        EXECUTE format('ALTER TABLE %I ALTER COLUMN id SET MAXVALUE %s', owner, largest);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE product ALTER COLUMN id SET NO MAXVALUE;
ALTER TABLE legacy_market_id ALTER COLUMN id SET NO MAXVALUE;
ALTER TABLE legacy_catalog_id ALTER COLUMN id SET NO MAXVALUE;

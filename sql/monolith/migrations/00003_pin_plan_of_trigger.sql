-- +goose Up
-- Pins the look-up of the event to the index on (topic, key, version). PostgreSQL chooses a sequential scan for a table
-- that was empty when it was analyzed, and sessions keep that plan. outbox_pending is mostly empty, but grows while Kafka
-- is away: every commit would then read the whole table. CREATE OR REPLACE FUNCTION drops these settings: repeat them there.
ALTER FUNCTION product_has_event() SET enable_seqscan = off SET enable_bitmapscan = off;

-- +goose Down
ALTER FUNCTION product_has_event() RESET enable_seqscan RESET enable_bitmapscan;

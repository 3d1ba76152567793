-- +goose Up
-- After which silence an instance's shards may be taken over. Others wait as long, whatever their own setting is. An instance of an
-- earlier version tells 0.
ALTER TABLE outbox_instance ADD COLUMN lease_ms bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE outbox_instance DROP COLUMN lease_ms;

-- +goose Up
-- Returns the seq of the pending row of an aggregate's version, or null if that version is not pending. The function
-- sees the same rows as the statement that calls it, because a STABLE function uses the snapshot of that statement. The
-- settings force the index on (topic, key, version). PostgreSQL chooses a sequential scan for a table that was empty
-- when it was analyzed, and sessions keep that plan. outbox_pending is usually empty, but it grows while Kafka does not
-- answer. Without the settings, every append would then read the whole table.
-- +goose StatementBegin
CREATE FUNCTION outbox_predecessor(of_topic text, of_key text, of_version bigint) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    RETURN (SELECT seq FROM outbox_pending WHERE topic = of_topic AND key = of_key AND version = of_version);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION outbox_predecessor;

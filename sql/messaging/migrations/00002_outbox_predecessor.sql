-- +goose Up
-- Finds the pending row of an aggregate's version; null if that version is not pending. The caller's statement sees the
-- same rows here as in itself: a STABLE function runs on the snapshot of the statement that calls it.
-- The settings pin the plan to the index on (topic, key, version). PostgreSQL chooses a sequential scan for a table that
-- was empty when it was analyzed, and sessions keep that plan. outbox_pending is mostly empty, but grows while Kafka is
-- away: every append would then read all of it.
-- +goose StatementBegin
CREATE FUNCTION outbox_predecessor(of_topic text, of_key text, of_version bigint) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    RETURN (SELECT seq FROM outbox_pending WHERE topic = of_topic AND key = of_key AND version = of_version);
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION outbox_predecessor;

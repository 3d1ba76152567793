-- +goose Up
-- A commit wakes the relay that publishes its events, also if that relay runs in another process. NOTIFY takes a lock on the
-- whole database until the commit, so it must not be in every transaction. A relay arms a log of its shards with an exclusive
-- advisory lock of its session, and only transactions that append to an armed log notify.
--
-- A transaction takes the same lock, but shared, and never waits for it. If it gets the lock, the log is not armed, and it keeps
-- the lock until its commit is visible. So a relay that has armed a log sees every event whose transaction did not notify. The
-- locks are not rows: they need no snapshot, leave no dead versions, and end with the session of a relay that dies.

-- Returns the second key of the advisory lock. The first key is 1869968491, "outk" in ASCII.
-- +goose StatementBegin
CREATE FUNCTION outbox_wake_key(of_topic text, of_shard smallint) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtext(of_topic) # of_shard::int
$$;
-- +goose StatementEnd

-- The trigger is deferred, so that a transaction holds the lock only during its commit.
-- +goose StatementBegin
CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(1869968491, outbox_wake_key(NEW.topic, NEW.shard)) THEN
        PERFORM pg_notify('outbox', NEW.shard || ' ' || NEW.topic);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER outbox_pending_wake AFTER INSERT ON outbox_pending DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION outbox_wake();

-- +goose Down
DROP TRIGGER outbox_pending_wake ON outbox_pending;
DROP FUNCTION outbox_wake;
DROP FUNCTION outbox_wake_key;

-- +goose Up
-- Wakes processes that wait for changes. A process that has to know about the next change arms a channel. The first
-- transaction that makes such a change notifies the channel and disarms it. NOTIFY takes a lock on the whole database
-- until the commit, so it must not be in every transaction.

CREATE TABLE wake_channel (
    channel text    PRIMARY KEY, -- also the name to LISTEN to
    armed   boolean NOT NULL DEFAULT false
) WITH (fillfactor = 10);
INSERT INTO wake_channel (channel) VALUES ('consumer_position');

-- The function of triggers that announce changes. The argument of the trigger is the channel. The triggers are deferred,
-- so that a transaction holds the lock of the channel only during its commit. It never waits for the lock: if another
-- transaction holds it, that one notifies. The processes look again a moment after they have armed a channel, because
-- this transaction may commit a moment later than the other one.
-- +goose StatementBegin
CREATE FUNCTION wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM wake_channel WHERE channel = TG_ARGV[0] AND armed FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE wake_channel SET armed = false WHERE channel = TG_ARGV[0];
        PERFORM pg_notify(TG_ARGV[0], '');
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Every transaction that applies events moves a position.
CREATE CONSTRAINT TRIGGER consumer_position_wake AFTER UPDATE ON consumer_position DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wake('consumer_position');

-- +goose Down
DROP TRIGGER consumer_position_wake ON consumer_position;
DROP FUNCTION wake;
DROP TABLE wake_channel;

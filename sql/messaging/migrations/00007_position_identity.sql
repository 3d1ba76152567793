-- +goose Up
-- A position says which log it belongs to. A topic that is created again has another id, and its log begins again at 0. The
-- zero id means "not known": the row is from an earlier release, or the brokers are older than topic ids. The first reading
-- of such a position trusts the topic that it finds.
--
-- While the release before this one still runs, it cannot store dead letters: it names the old constraint. A poisoned event
-- then holds its partition until a newer instance takes it.

ALTER TABLE consumer_position
    ADD COLUMN topic_id     uuid   NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ADD COLUMN leader_epoch int    NOT NULL DEFAULT -1, -- of the record before epoch_offset; -1 if it is not known
    ADD COLUMN epoch_offset bigint NOT NULL DEFAULT -1; -- a row that was moved without its epoch has another next_offset

ALTER TABLE dead_letter ADD COLUMN topic_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_topic_part_offset_key,
    ADD CONSTRAINT dead_letter_place UNIQUE (topic, topic_id, part, "offset");

ALTER TABLE parked_request ADD COLUMN topic_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

-- The running consumers on this database. The leader of the consumer group gives partitions only to them: an instance on a
-- copy of the database would otherwise get a part of the events.
CREATE TABLE consumer_member (
    id      uuid        PRIMARY KEY,
    name    text        NOT NULL, -- host name and process id, for people
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 10);

-- +goose Down
DROP TABLE consumer_member;
ALTER TABLE parked_request DROP COLUMN topic_id;
ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_place, ADD UNIQUE (topic, part, "offset");
ALTER TABLE dead_letter DROP COLUMN topic_id;
ALTER TABLE consumer_position DROP COLUMN topic_id, DROP COLUMN leader_epoch, DROP COLUMN epoch_offset;

-- +goose Up
-- What the relay knows about the logs that it publishes to. It compares this with Kafka before it publishes a shard. So it
-- notices that the database or the log is not the one that it was: a backup was restored, a topic was created again, or
-- another database publishes too.

-- The end of each log, as far as this database knows it. Kafka has acknowledged every event below acked_end, and the event
-- is marked sent. The statement that marks events as sent raises acked_end. A pending event may also have a record below
-- acked_end, and then it is sent again.
CREATE TABLE outbox_log (
    topic     text     NOT NULL,
    shard     smallint NOT NULL,
    topic_id  uuid     NOT NULL, -- Kafka gives a topic that is created again another id; zero if the brokers tell none
    acked_end bigint   NOT NULL CHECK (acked_end >= 0),
    PRIMARY KEY (topic, shard)
) WITH (fillfactor = 10);

-- The Kafka cluster and the database server that published each shard last. A server that was promoted has another timeline.
CREATE TABLE outbox_origin (
    shard             smallint PRIMARY KEY,
    cluster_id        text   NOT NULL, -- empty if the brokers tell none
    system_identifier bigint NOT NULL,
    timeline          bigint NOT NULL
);

-- Shards that are halted, for people and for the instance that takes the shard over. The relay compares again and deletes
-- the row when the cause is gone. A shard that another producer has fenced stays halted until it has a new producer id.
CREATE TABLE outbox_halt (
    shard       smallint    PRIMARY KEY,
    code        text        NOT NULL,
    reason      text        NOT NULL,
    producer_id bigint      NOT NULL, -- of the shard when it was halted
    since       timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE outbox_halt, outbox_origin, outbox_log;

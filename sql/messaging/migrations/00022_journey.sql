-- +goose Up
-- What this database knows of the way of an event: where Kafka has it, and what the consumer has done with it. People read it in the
-- admin pages. No other code depends on it.

-- Batches that Kafka has acknowledged. A row for each batch costs little; a row for each event would double the cost of a mark.
CREATE TABLE outbox_sent (
    topic        text        NOT NULL,
    shard        smallint    NOT NULL,
    first_offset bigint      NOT NULL, -- of the first event; the others follow without a gap
    seqs         bigint[]    NOT NULL, -- the events, in the order of the log
    first_seq    bigint      NOT NULL, -- the lowest of seqs
    last_seq     bigint      NOT NULL, -- the highest of seqs
    sent_at      timestamptz NOT NULL, -- when the acknowledgement came
    PRIMARY KEY (topic, shard, last_seq, first_offset)
);
CREATE INDEX outbox_sent_at ON outbox_sent (sent_at);

-- Events of other services that the consumer has passed, written in the transaction that moves its position.
CREATE TABLE consumer_event (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        NOT NULL,
    topic_id    uuid        NOT NULL,
    part        int         NOT NULL,
    "offset"    bigint      NOT NULL,
    key         text        NOT NULL, -- empty if it is not a short text
    version     bigint      NOT NULL, -- 0 if it is not known
    event_id    text        NOT NULL,
    type        text        NOT NULL,
    outcome     text        NOT NULL CHECK (outcome IN ('applied', 'known', 'ignored', 'purged', 'dead')),
    received_at timestamptz NOT NULL, -- when the record arrived
    settled_at  timestamptz NOT NULL DEFAULT clock_timestamp() -- just before the commit
);
CREATE INDEX consumer_event_key ON consumer_event (topic, key, version);

-- +goose Down
DROP TABLE consumer_event, outbox_sent;

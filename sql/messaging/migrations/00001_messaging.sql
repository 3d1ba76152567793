-- +goose Up
-- The tables that a service needs to publish its events and to apply events of other services.

-- With a larger cache, a session could give a later version a lower number than another session gave an earlier
-- version.
CREATE SEQUENCE outbox_seq CACHE 1;

-- The log of all events, append-only. Retention drops a partition when none of its events is pending.
CREATE TABLE outbox_event (
    seq         bigint      NOT NULL DEFAULT nextval('outbox_seq') PRIMARY KEY,
    shard       smallint    NOT NULL, -- the number of the key's Kafka partition
    event_id    uuid        NOT NULL,
    topic       text        NOT NULL,
    key         text        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    prev        bigint      NOT NULL CHECK (prev >= 0 AND prev < version),
    type        text        NOT NULL,
    payload     bytea       NOT NULL CHECK (octet_length(payload) <= 917504),
    traceparent text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (seq);

CREATE INDEX outbox_event_key ON outbox_event (topic, key, version);

-- Partitions are created ahead. There is no DEFAULT partition: if it had rows of a range, that range could not be added
-- later.
-- +goose StatementBegin
CREATE FUNCTION outbox_make_partition(n bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF outbox_event FOR VALUES FROM (%s) TO (%s)',
        'outbox_event_' || n, n * 1000000 + 1, (n + 1) * 1000000 + 1);
END $$;
-- +goose StatementEnd
SELECT outbox_make_partition(n) FROM generate_series(0, 7) n;

-- The events that are not marked sent. Rows are inserted and deleted, never updated, so that the table stays small.
CREATE TABLE outbox_pending (
    shard   smallint NOT NULL,
    seq     bigint   NOT NULL,
    topic   text     NOT NULL,
    key     text     NOT NULL,
    version bigint   NOT NULL,
    -- The seq of the aggregate's previous version if that was pending at the append; otherwise 0. The append finds it
    -- with one look into the index. Finding it by topic, key and version in the claim doubled the cost of a claim.
    prev_seq bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, seq),
    UNIQUE (topic, key, version)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Aggregates whose oldest pending event the broker refused. Only they wait; other aggregates do not.
CREATE TABLE outbox_blocked (
    topic      text        NOT NULL,
    key        text        NOT NULL,
    attempts   int         NOT NULL,
    retry_at   timestamptz NOT NULL,
    last_error text        NOT NULL,
    PRIMARY KEY (topic, key)
);

-- One lease for each shard. Its epoch is also the Kafka producer epoch.
CREATE TABLE outbox_lease (
    shard       smallint PRIMARY KEY,
    owner       uuid,
    epoch       bigint NOT NULL DEFAULT 0,
    producer_id bigint NOT NULL DEFAULT -1, -- replaced when the epoch would exceed 32767; the epoch then starts at 0 again
    beat        bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO outbox_lease (shard) SELECT n FROM generate_series(0, 11) n;

-- The running relays. Each takes its fair share of the shards.
CREATE TABLE outbox_instance (
    id         uuid PRIMARY KEY,
    name       text        NOT NULL, -- host name and process id, for people
    beat       bigint      NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

CREATE VIEW outbox AS
SELECT e.*, NOT EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.seq = e.seq) AS sent
FROM outbox_event e;

-- The next offset to apply. It moves by compare-and-set in the transaction that applies the events.
CREATE TABLE consumer_position (
    topic       text        NOT NULL,
    part        int         NOT NULL,
    next_offset bigint      NOT NULL,
    moved_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, part)
) WITH (fillfactor = 10);

-- Events that could not be applied, as raw bytes: they may have NUL characters or invalid UTF-8.
CREATE TABLE dead_letter (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text        NOT NULL,
    part       int         NOT NULL,
    "offset"   bigint      NOT NULL,
    key        bytea,
    value      bytea,
    headers    bytea, -- JSON array of {key, value}, value in base64
    version    bigint,
    event_id   text,
    code       text        NOT NULL,
    reason     text        NOT NULL,
    state      text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'superseded', 'discarded')),
    attempts   int         NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    closed_by  text,
    note       text,
    UNIQUE (topic, part, "offset")
);
-- A btree index would refuse a key of more than 2.7 kB.
CREATE INDEX dead_letter_open_key ON dead_letter USING hash (key) WHERE state = 'open';

-- The first answers to requests with an Idempotency-Key, kept for IDEMPOTENCY_RETENTION, 24 hours or longer.
CREATE TABLE idempotency_key (
    id          bytea       PRIMARY KEY, -- SHA-256 of caller, method, path and key
    fingerprint bytea       NOT NULL,    -- SHA-256 of the request body
    result      jsonb       NOT NULL,    -- what the business service answered
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);

-- +goose Down
DROP TABLE idempotency_key, dead_letter, consumer_position;
DROP VIEW outbox;
DROP TABLE outbox_instance, outbox_lease, outbox_blocked, outbox_pending, outbox_event;
DROP FUNCTION outbox_make_partition;
DROP SEQUENCE outbox_seq;

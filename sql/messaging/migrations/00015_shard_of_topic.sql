-- +goose Up
-- A shard is now one partition of one topic. Each shard has a lease, an epoch, an origin and a halt of its own. So a topic that
-- Kafka does not accept does not stop the others.

-- The partitions that every topic has. The lease of a topic's partition begins with the values of its row: an earlier version
-- of the program had one lease for a partition of all topics. So its producer id, with the next epoch, fences such a program.
ALTER TABLE outbox_lease RENAME TO outbox_shard;
ALTER INDEX outbox_lease_pkey RENAME TO outbox_shard_pkey;
-- An earlier version has published here, before this database stored where its events end.
ALTER TABLE outbox_shard ADD COLUMN trusted boolean NOT NULL DEFAULT false;
UPDATE outbox_shard s SET trusted = true
WHERE s.producer_id >= 0 AND NOT EXISTS (SELECT FROM outbox_log l WHERE l.shard = s.shard);

-- The relay adds the leases of its topics. The epoch of a lease is also the Kafka producer epoch.
CREATE TABLE outbox_lease (
    topic       text     NOT NULL,
    shard       smallint NOT NULL, -- the number of the partition
    owner       uuid,
    epoch       bigint   NOT NULL DEFAULT 0,
    producer_id bigint   NOT NULL DEFAULT -1, -- replaced when the epoch would exceed 32767; the epoch then starts at 0 again
    beat        bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, shard)
) WITH (fillfactor = 10);

ALTER TABLE outbox_origin DROP CONSTRAINT outbox_origin_pkey, ADD COLUMN topic text;
INSERT INTO outbox_origin (topic, shard, cluster_id, system_identifier, timeline)
SELECT l.topic, o.shard, o.cluster_id, o.system_identifier, o.timeline FROM outbox_origin o JOIN outbox_log l USING (shard);
DELETE FROM outbox_origin WHERE topic IS NULL;
ALTER TABLE outbox_origin ALTER COLUMN topic SET NOT NULL, ADD PRIMARY KEY (topic, shard);

-- A halt concerned all topics of its partition. The relay deletes a halt when a check finds that its cause is gone.
ALTER TABLE outbox_halt DROP CONSTRAINT outbox_halt_pkey, ADD COLUMN topic text;
INSERT INTO outbox_halt (topic, shard, code, reason, producer_id, since)
SELECT l.topic, h.shard, h.code, h.reason, h.producer_id, h.since FROM outbox_halt h JOIN outbox_log l USING (shard);
DELETE FROM outbox_halt WHERE topic IS NULL;
ALTER TABLE outbox_halt ALTER COLUMN topic SET NOT NULL, ADD PRIMARY KEY (topic, shard);

-- A claim reads the pending rows of a shard in the order of their numbers.
ALTER TABLE outbox_pending DROP CONSTRAINT outbox_pending_pkey;
ALTER TABLE outbox_pending ADD CONSTRAINT outbox_pending_pkey PRIMARY KEY (shard, topic, seq);

-- The order by version leaves one index: the one on (topic, key, version). Otherwise a plan that is made while the table is
-- empty could also take the primary key, and read all rows of the topic.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION outbox_predecessor(of_topic text, of_key text, of_version bigint) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT CASE WHEN version = of_version THEN seq END FROM outbox_pending
        WHERE topic = of_topic AND key = of_key AND version >= of_version ORDER BY version LIMIT 1);
END $$;
-- +goose StatementEnd

CREATE OR REPLACE VIEW outbox AS
SELECT e.*, NOT EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.topic = e.topic AND p.seq = e.seq)
    AND NOT EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = e.seq) AS sent
FROM outbox_event e;

-- +goose Down
CREATE OR REPLACE VIEW outbox AS
SELECT e.*, NOT EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.seq = e.seq)
    AND NOT EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = e.seq) AS sent
FROM outbox_event e;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION outbox_predecessor(of_topic text, of_key text, of_version bigint) RETURNS bigint LANGUAGE plpgsql STABLE STRICT
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT seq FROM outbox_pending WHERE topic = of_topic AND key = of_key AND version = of_version);
END $$;
-- +goose StatementEnd
ALTER FUNCTION outbox_predecessor(text, text, bigint) RESET enable_sort;
ALTER TABLE outbox_pending DROP CONSTRAINT outbox_pending_pkey;
ALTER TABLE outbox_pending ADD CONSTRAINT outbox_pending_pkey PRIMARY KEY (shard, seq);
-- The highest epoch of a partition's topics fences all of them.
UPDATE outbox_shard s SET owner = NULL, epoch = l.epoch, producer_id = l.producer_id
FROM (SELECT DISTINCT ON (shard) shard, epoch, producer_id FROM outbox_lease ORDER BY shard, producer_id DESC, epoch DESC) l
WHERE l.shard = s.shard;
DROP TABLE outbox_lease;
ALTER TABLE outbox_shard DROP COLUMN trusted;
ALTER TABLE outbox_shard RENAME TO outbox_lease;
ALTER INDEX outbox_shard_pkey RENAME TO outbox_lease_pkey;
ALTER TABLE outbox_origin DROP CONSTRAINT outbox_origin_pkey;
DELETE FROM outbox_origin o USING outbox_origin other WHERE other.shard = o.shard AND other.topic < o.topic;
ALTER TABLE outbox_origin DROP COLUMN topic, ADD PRIMARY KEY (shard);
ALTER TABLE outbox_halt DROP CONSTRAINT outbox_halt_pkey;
DELETE FROM outbox_halt h USING outbox_halt other WHERE other.shard = h.shard AND other.topic < h.topic;
ALTER TABLE outbox_halt DROP COLUMN topic, ADD PRIMARY KEY (shard);

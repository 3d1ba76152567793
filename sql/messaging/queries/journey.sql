-- Records what the consumer has done with events, in the transaction that moves its positions. Ages are in microseconds since
-- the records have arrived, so that all times are those of the database's clock.
-- name: RecordEvents :exec
INSERT INTO consumer_event (topic, topic_id, part, "offset", key, version, event_id, type, outcome, received_at)
SELECT topic, topic_id, part, at, key, version, event_id, type, outcome, clock_timestamp() - make_interval(secs => age / 1e6)
FROM (SELECT generate_series(1, cardinality(@topics::text[])) AS n, unnest(@topics::text[]) AS topic, unnest(@topic_ids::uuid[]) AS topic_id,
        unnest(@parts::int[]) AS part, unnest(@offsets::bigint[]) AS at, unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version,
        unnest(@event_ids::text[]) AS event_id, unnest(@types::text[]) AS type, unnest(@outcomes::text[]) AS outcome, unnest(@ages::bigint[]) AS age
     ) AS given
ORDER BY n;

-- Returns the newest events that this service has appended to its outbox. OFFSET 0 keeps PostgreSQL from reading all pending events
-- once, instead of looking for each event.
-- name: NewestProduced :many
SELECT e.seq, e.event_id, e.topic, e.shard, e.key, e.version, e.type, e.created_at,
    EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.topic = e.topic AND p.seq = e.seq OFFSET 0)::boolean AS pending,
    EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = e.seq OFFSET 0)::boolean AS discarded
FROM outbox_event e ORDER BY e.seq DESC LIMIT @most;

-- Returns the newest appended event of each key whose version is in a range.
-- name: FindProduced :many
SELECT e.seq, e.event_id, e.topic, e.shard, e.key, e.version, e.type, e.created_at,
    EXISTS (SELECT FROM outbox_pending p WHERE p.shard = e.shard AND p.topic = e.topic AND p.seq = e.seq)::boolean AS pending,
    EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = e.seq)::boolean AS discarded
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@keys::text[]) AS key, unnest(@lowest::bigint[]) AS lowest, unnest(@highest::bigint[]) AS highest) AS r
CROSS JOIN LATERAL (
    SELECT v.* FROM outbox_event v WHERE v.topic = r.topic AND v.key = r.key AND v.version BETWEEN r.lowest AND r.highest
    ORDER BY v.version DESC, v.seq DESC LIMIT 1
) AS e;

-- Returns where Kafka has events, and when it has acknowledged them. An event that was appended long before the others of its batch,
-- in a transaction that took long, is not looked for without an end: reach limits by how many numbers it may be late.
-- name: FindSent :many
SELECT r.seq::bigint AS seq, (s.first_offset + array_position(s.seqs, r.seq) - 1)::bigint AS "offset", s.sent_at
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@shards::smallint[]) AS shard, unnest(@seqs::bigint[]) AS seq) AS r
CROSS JOIN LATERAL (
    SELECT b.first_offset, b.seqs, b.sent_at FROM outbox_sent b
    WHERE b.topic = r.topic AND b.shard = r.shard AND b.last_seq BETWEEN r.seq AND r.seq + @reach::bigint
        AND b.first_seq <= r.seq AND r.seq = ANY (b.seqs)
    ORDER BY b.last_seq, b.first_offset DESC LIMIT 1
) AS s;

-- Returns the newest events that the consumer has passed.
-- name: NewestConsumed :many
SELECT seq, topic, topic_id, part, "offset", key, version, event_id, type, outcome, received_at, settled_at
FROM consumer_event ORDER BY seq DESC LIMIT @most;

-- Returns the newest passed event of each key whose version is in a range.
-- name: FindConsumed :many
SELECT e.seq, e.topic, e.topic_id, e.part, e."offset", e.key, e.version, e.event_id, e.type, e.outcome, e.received_at, e.settled_at
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@keys::text[]) AS key, unnest(@lowest::bigint[]) AS lowest, unnest(@highest::bigint[]) AS highest) AS r
CROSS JOIN LATERAL (
    SELECT v.* FROM consumer_event v WHERE v.topic = r.topic AND v.key = r.key AND v.version BETWEEN r.lowest AND r.highest
    ORDER BY v.version DESC, v.seq DESC LIMIT 1
) AS e;

-- Deletes the oldest rows that are older than the retention, at most so many. It looks at no more rows than that.
-- name: ForgetConsumed :execrows
DELETE FROM consumer_event WHERE seq IN (
    SELECT o.seq FROM (SELECT c.seq, c.settled_at FROM consumer_event c ORDER BY c.seq LIMIT @most) AS o
    WHERE o.settled_at < now() - @retention::interval);

-- name: ForgetSent :execrows
DELETE FROM outbox_sent s USING (
    SELECT o.topic, o.shard, o.last_seq, o.first_offset FROM outbox_sent o WHERE o.sent_at < now() - @retention::interval
    ORDER BY o.sent_at LIMIT @most) AS old
WHERE s.topic = old.topic AND s.shard = old.shard AND s.last_seq = old.last_seq AND s.first_offset = old.first_offset;

-- Returns what the outbox has of one event, and what holds it up. After a repair, several events can have one version: then the newest.
-- name: GetAppended :one
SELECT e.seq, e.shard, e.payload, e.traceparent,
    coalesce((SELECT p.version FROM outbox_pending p WHERE p.topic = e.topic AND p.key = e.key ORDER BY p.version LIMIT 1), 0)::bigint AS first_pending,
    coalesce(b.attempts, 0)::int AS attempts, b.retry_at, coalesce(b.last_error, '')::text AS last_error
FROM outbox_event e LEFT JOIN outbox_blocked b ON b.topic = e.topic AND b.key = e.key
WHERE e.topic = @topic AND e.key = @key AND e.version = @version
ORDER BY e.seq DESC LIMIT 1;

-- Returns each time that the consumer has passed one event, the newest first. Kafka may deliver an event several times.
-- name: ListPassed :many
SELECT seq, topic, topic_id, part, "offset", key, version, event_id, type, outcome, received_at, settled_at
FROM consumer_event WHERE topic = @topic AND key = @key AND version = @version
ORDER BY seq DESC LIMIT @most;

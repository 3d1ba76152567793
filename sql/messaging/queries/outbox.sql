-- Appends one event. The transaction of the change calls it after it has locked the aggregate's row, so the sequence
-- numbers of an aggregate have the order of its versions. Version 1 has no predecessor: PostgreSQL does not call a
-- STRICT function for null. The condition makes the transaction's commit durable, whatever the session's setting is. Otherwise a
-- crash could lose a change whose event is already in Kafka.
-- name: AppendOne :exec
WITH e AS (
    INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload, traceparent)
    VALUES (@shard, @event_id, @topic, @key, @version, @prev, @type, @payload, sqlc.narg(traceparent))
    RETURNING shard, seq, topic, key, version, prev
)
INSERT INTO outbox_pending (shard, seq, topic, key, version, prev_seq)
SELECT e.shard, e.seq, e.topic, e.key, e.version,
    COALESCE(outbox_predecessor(e.topic, e.key, nullif(e.prev, 0)), 0)
FROM e
WHERE current_setting('synchronous_commit') IN ('on', 'remote_apply') OR set_config('synchronous_commit', 'on', true) IS NOT NULL;

-- Appends many events. Their sequence numbers have the order of the arguments.
-- name: AppendMany :exec
WITH e AS (
    INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload, traceparent)
    SELECT shard, event_id, topic, key, version, version - 1, type, payload, sqlc.narg(traceparent)
    FROM (SELECT generate_series(1, cardinality(@shards::smallint[])) AS n, unnest(@shards::smallint[]) AS shard,
            unnest(@event_ids::uuid[]) AS event_id, unnest(@topics::text[]) AS topic, unnest(@keys::text[]) AS key,
            unnest(@versions::bigint[]) AS version, unnest(@types::text[]) AS type, unnest(@payloads::bytea[]) AS payload
         ) AS given
    ORDER BY n
    RETURNING shard, seq, topic, key, version, prev
)
INSERT INTO outbox_pending (shard, seq, topic, key, version, prev_seq)
SELECT e.shard, e.seq, e.topic, e.key, e.version, COALESCE(
    lag(e.seq) OVER (PARTITION BY e.topic, e.key ORDER BY e.version), -- appended by the same statement
    outbox_predecessor(e.topic, e.key, nullif(e.prev, 0)), 0)
FROM e
WHERE current_setting('synchronous_commit') IN ('on', 'remote_apply') OR set_config('synchronous_commit', 'on', true) IS NOT NULL;

-- Returns the next pending rows of several shards, in the order of the shards:
--  1. takes each shard h, with the place low up to which the caller has read it;
--  2. reads its pending rows p after low in the order of their numbers, at most max_rows of them, if the caller holds the lease;
--  3. adds the event e of each row. LIMIT 1 makes the planner use the condition in the index: for tables that were empty, a join
--     could also read all of them for each row;
--  4. leaves out aggregates b that wait after a refusal;
--  5. sets prev_seq to the seq of the predecessor if that is still pending, and otherwise to 0;
--  6. cuts the rows of a shard after max_bytes of payload, not counting the last row.
-- The statement needs the settings of the relay's connections: outbox_pending is empty at one moment and full at the next, so the
-- planner's statistics are wrong.
-- name: ClaimPending :many
SELECT c.topic, c.shard, c.seq, c.event_id, c.key, c.version, c.prev_seq, c.was_blocked, c.payload, c.traceparent,
    c.created_at
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@shards::smallint[]) AS shard, unnest(@epochs::bigint[]) AS epoch,
    unnest(@lows::bigint[]) AS low) AS h
CROSS JOIN LATERAL (
    SELECT p.topic, p.shard, p.seq, e.event_id, p.key, p.version, e.payload, e.traceparent, e.created_at,
        CASE WHEN p.prev_seq = 0 THEN 0 ELSE COALESCE(
            (SELECT q.seq FROM outbox_pending q WHERE q.shard = p.shard AND q.topic = p.topic AND q.seq = p.prev_seq), 0) END::bigint AS prev_seq,
        (b.key IS NOT NULL)::boolean AS was_blocked,
        sum(octet_length(e.payload)) OVER (ORDER BY p.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM outbox_pending p
    CROSS JOIN LATERAL (SELECT v.event_id, v.payload, v.traceparent, v.created_at FROM outbox_event v WHERE v.seq = p.seq LIMIT 1) AS e
    LEFT JOIN LATERAL (
        SELECT x.key, x.retry_at FROM outbox_blocked x
        WHERE (SELECT EXISTS (SELECT FROM outbox_blocked)) -- evaluated once; usually the table is empty
            AND x.topic = p.topic AND x.key = p.key LIMIT 1
    ) AS b ON true
    WHERE p.shard = h.shard AND p.topic = h.topic AND p.seq > h.low
        AND EXISTS (SELECT FROM outbox_lease l
            WHERE l.topic = h.topic AND l.shard = h.shard AND l.owner = @owner::uuid AND l.epoch = h.epoch)
        AND (b.retry_at IS NULL OR b.retry_at <= now())
    ORDER BY p.seq LIMIT @max_rows::int
) AS c
WHERE c.bytes_before IS NULL OR c.bytes_before < @max_bytes::bigint;

-- Marks rows that the broker has acknowledged. n is the number of a shard among the arguments, from 1 on.
--  1. held: locks the leases that the caller still holds. Only the holder may mark, although the acknowledgement is valid in any
--     case. A thief may already have read the first half of an aggregate's events. If the second half disappeared, the thief
--     would never send it, and an older version would be the last record of the key. Because of the row lock, taking over a
--     lease waits for this statement, or this statement sees that the lease is lost.
--  2. gone: deletes the rows of these shards from outbox_pending.
--  3. freed: deletes the blocks of aggregates whose refused event has now been accepted. After a crash between two statements,
--     such an aggregate would still be shown as blocked.
--  4. raised: raises the ends of the logs, so that no crash can come between an event's mark and the place up to which
--     everything is marked. An end of 0 leaves the stored one.
--  5. told: keeps where Kafka has the rows. A batch is a part of seqs: those from its start on, count of them. A mark that is
--     repeated adds nothing.
-- Returns the numbers of the shards whose lease is held.
-- name: MarkSent :many
WITH held AS MATERIALIZED (
    SELECT h.n, l.topic, l.shard, h.acked_end FROM outbox_lease l
    JOIN (SELECT generate_series(1, cardinality(@topics::text[])) AS n, unnest(@topics::text[]) AS topic,
            unnest(@shards::smallint[]) AS shard, unnest(@epochs::bigint[]) AS epoch, unnest(@ends::bigint[]) AS acked_end
         ) AS h ON h.topic = l.topic AND h.shard = l.shard
    WHERE l.owner = @owner::uuid AND l.epoch = h.epoch
    ORDER BY l.topic, l.shard
    FOR SHARE OF l
), gone AS (
    DELETE FROM outbox_pending p
    USING (SELECT unnest(@row_numbers::int[]) AS n, unnest(@seqs::bigint[]) AS seq) AS s
    WHERE p.shard = (@shards::smallint[])[s.n] AND p.topic = (@topics::text[])[s.n] AND p.seq = s.seq
        AND s.n = ANY (ARRAY(SELECT held.n FROM held))
), freed AS (
    DELETE FROM outbox_blocked b
    USING (SELECT unnest(@free_numbers::int[]) AS n, unnest(@free_keys::text[]) AS key) AS u
    WHERE b.topic = (@topics::text[])[u.n] AND b.key = u.key AND u.n = ANY (ARRAY(SELECT held.n FROM held))
), raised AS (
    UPDATE outbox_log o SET acked_end = held.acked_end FROM held
    WHERE o.topic = held.topic AND o.shard = held.shard AND o.acked_end < held.acked_end
), told AS (
    INSERT INTO outbox_sent (topic, shard, first_offset, seqs, first_seq, last_seq, sent_at)
    SELECT held.topic, held.shard, b.first_offset, (@seqs::bigint[])[b.start : b.start + b.count - 1], b.first_seq, b.last_seq,
        clock_timestamp() - make_interval(secs => b.age / 1e6)
    FROM (SELECT unnest(@batch_numbers::int[]) AS n, unnest(@batch_starts::int[]) AS start, unnest(@batch_counts::int[]) AS count,
            unnest(@batch_offsets::bigint[]) AS first_offset, unnest(@batch_first_seqs::bigint[]) AS first_seq,
            unnest(@batch_last_seqs::bigint[]) AS last_seq, unnest(@batch_ages::bigint[]) AS age) AS b
    JOIN held ON held.n = b.n
    ON CONFLICT DO NOTHING
)
SELECT held.n::int AS n FROM held;

-- Stores an aggregate whose event the broker refused. Each refusal in a row doubles the wait, up to max_wait.
-- name: BlockAggregate :exec
INSERT INTO outbox_blocked AS b (topic, key, attempts, retry_at, last_error)
VALUES (@topic, @key, 1, now() + @first_wait::interval, @last_error)
ON CONFLICT (topic, key) DO UPDATE SET attempts = b.attempts + 1, last_error = excluded.last_error,
    retry_at = now() + LEAST(@max_wait::interval, (excluded.retry_at - now()) * power(2, LEAST(b.attempts, 30)));

-- name: BeatInstance :exec
INSERT INTO outbox_instance AS i (id, name, lease_ms, beat, answers, kafka, standstills) VALUES (@id, @name, @lease_ms, 0, @answers, @kafka, @standstills)
ON CONFLICT (id) DO UPDATE SET beat = i.beat + 1, answers = excluded.answers, kafka = excluded.kafka,
    standstills = excluded.standstills, beat_at = clock_timestamp();

-- name: ListInstances :many
SELECT id, name, beat, lease_ms, answers, kafka FROM outbox_instance ORDER BY id;

-- Returns what the instances say about themselves. For people, the database's clock is good enough to tell whether one is alive.
-- name: ListInstanceStates :many
SELECT id, name, kafka, standstills, (beat_at > clock_timestamp() - interval '30 seconds')::boolean AS alive
FROM outbox_instance ORDER BY id;

-- Removes an instance if its beat is still the one that did not change during the time-out.
-- name: RemoveInstance :exec
DELETE FROM outbox_instance WHERE id = @id AND beat = @beat;

-- name: LeaveInstance :exec
DELETE FROM outbox_instance WHERE id = @id;

-- name: RenewLeases :many
WITH mine AS (SELECT topic, shard FROM outbox_lease WHERE owner = @owner::uuid ORDER BY topic, shard FOR NO KEY UPDATE)
UPDATE outbox_lease l SET beat = beat + 1 FROM mine WHERE l.topic = mine.topic AND l.shard = mine.shard
RETURNING l.topic, l.shard, l.epoch, l.producer_id, l.rest_ms;

-- Returns a row for each partition of the topics. known is false if it has no lease yet.
-- name: ListLeases :many
SELECT t.topic::text AS topic, s.shard, (l.topic IS NOT NULL)::boolean AS known, l.owner, COALESCE(l.epoch, 0) AS epoch,
    COALESCE(l.producer_id, -1) AS producer_id, COALESCE(l.beat, 0) AS beat
FROM (SELECT unnest(@topics::text[]) AS topic) AS t CROSS JOIN outbox_shard s
LEFT JOIN outbox_lease l ON l.topic = t.topic AND l.shard = s.shard
ORDER BY t.topic, s.shard;

-- Adds the leases that the topics do not have yet. A lease begins as the one that was for all topics of its partition.
-- name: AddLeases :exec
INSERT INTO outbox_lease (topic, shard, owner, epoch, producer_id, beat)
SELECT t.topic, s.shard, s.owner, s.epoch, s.producer_id, s.beat
FROM (SELECT unnest(@topics::text[]) AS topic) AS t CROSS JOIN outbox_shard s
ON CONFLICT DO NOTHING;

-- Returns the leases of all topics, also of those that no relay publishes any more.
-- name: ListAllLeases :many
SELECT topic, shard, owner, epoch, producer_id, beat FROM outbox_lease ORDER BY topic, shard;

-- Stores how long shards still rest, if the caller holds them.
-- name: StoreRests :exec
UPDATE outbox_lease l SET rest_ms = r.rest_ms
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@shards::smallint[]) AS shard, unnest(@epochs::bigint[]) AS epoch,
        unnest(@rests_ms::bigint[]) AS rest_ms) AS r
WHERE l.topic = r.topic AND l.shard = r.shard AND l.owner = @owner::uuid AND l.epoch = r.epoch;

-- Takes a lease if it is still as the caller has read it: free, or not renewed since.
-- name: TakeLease :one
UPDATE outbox_lease SET owner = @owner::uuid, epoch = epoch + 1, beat = 0
WHERE topic = @topic AND shard = @shard AND epoch = @epoch AND (owner IS NULL OR beat = @beat)
RETURNING topic, shard, epoch, producer_id, rest_ms;

-- name: ReleaseLease :exec
UPDATE outbox_lease SET owner = NULL WHERE topic = @topic AND shard = @shard AND owner = @owner::uuid AND epoch = @epoch;

-- name: RaiseEpoch :exec
UPDATE outbox_lease SET epoch = epoch + 1 WHERE topic = @topic AND shard = @shard AND owner = @owner::uuid AND epoch = @epoch;

-- A new producer id has no epoch yet. So an epoch that does not fit into Kafka's int16 starts again at 0.
-- name: SetProducer :exec
UPDATE outbox_lease SET producer_id = @producer_id, rest_ms = NULL, epoch = CASE WHEN epoch > 32767 THEN 0 ELSE epoch END
WHERE topic = @topic AND shard = @shard AND owner = @owner::uuid AND epoch = @epoch;

-- Counts at most so many pending events. With millions of them, counting all took longer than the relay may wait.
-- name: CountPending :one
SELECT count(*) FROM (SELECT FROM outbox_pending LIMIT @most::int) AS counted;

-- Returns the topics that have pending events. It looks up one topic after the other in the index, and reads no other rows.
-- name: PendingTopics :many
WITH RECURSIVE t AS (
    (SELECT topic FROM outbox_pending ORDER BY topic LIMIT 1)
    UNION ALL
    SELECT (SELECT p.topic FROM outbox_pending p WHERE p.topic > t.topic ORDER BY p.topic LIMIT 1) FROM t WHERE t.topic IS NOT NULL
)
SELECT t.topic::text AS topic FROM t WHERE t.topic IS NOT NULL;

-- Returns when the oldest pending event of the topics was appended, and its age in seconds. LIMIT 1 makes PostgreSQL use the
-- condition in the index, as in ClaimPending.
-- name: OldestPending :one
SELECT min(e.created_at)::timestamptz AS created_at, extract(epoch FROM clock_timestamp() - min(e.created_at))::float8 AS age
FROM (SELECT unnest(@topics::text[]) AS topic) AS t CROSS JOIN outbox_shard s
CROSS JOIN LATERAL (SELECT seq FROM outbox_pending WHERE shard = s.shard AND topic = t.topic ORDER BY seq LIMIT 1) AS p
CROSS JOIN LATERAL (SELECT v.created_at FROM outbox_event v WHERE v.seq = p.seq LIMIT 1) AS e
HAVING count(*) > 0;

-- name: ListBlocked :many
SELECT topic, key, attempts, retry_at, last_error FROM outbox_blocked ORDER BY retry_at, topic, key LIMIT @max_rows;

-- name: CountBlocked :one
SELECT count(*) FROM (SELECT FROM outbox_blocked LIMIT @most::int) AS counted;

-- name: PendingBetween :one
SELECT EXISTS (SELECT FROM (SELECT unnest(@topics::text[]) AS topic) AS t CROSS JOIN outbox_shard s
    CROSS JOIN LATERAL (SELECT FROM outbox_pending p
        WHERE p.shard = s.shard AND p.topic = t.topic AND p.seq BETWEEN @first AND @last LIMIT 1) AS p
)::boolean AS found;

-- Returns the newest events before a sequence number.
-- name: ListEvents :many
SELECT o.seq, o.created_at, o.topic, o.key, o.version, o.type, o.sent::boolean AS sent,
    EXISTS (SELECT FROM outbox_discarded d WHERE d.seq = o.seq)::boolean AS discarded
FROM outbox o
WHERE (sqlc.narg(topic)::text IS NULL OR o.topic = sqlc.narg(topic)) AND (sqlc.narg(key)::text IS NULL OR o.key = sqlc.narg(key))
    AND o.seq < @before
ORDER BY o.seq DESC LIMIT @most;

-- Returns the newest pending events before a sequence number. It does not read the other events: there may be millions.
-- name: ListPendingEvents :many
SELECT e.seq, e.created_at, e.topic, e.key, e.version, e.type, false AS sent, false AS discarded
FROM outbox_pending p JOIN outbox_event e ON e.seq = p.seq
WHERE (sqlc.narg(topic)::text IS NULL OR p.topic = sqlc.narg(topic)) AND (sqlc.narg(key)::text IS NULL OR p.key = sqlc.narg(key))
    AND p.seq < @before
ORDER BY p.seq DESC LIMIT @most;

-- Returns the keys whose version is pending.
-- name: PendingVersions :many
SELECT u.key::text AS key FROM (SELECT unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE outbox_predecessor(@topic::text, u.key, u.version) IS NOT NULL;

-- Makes the relay publish each of these events after those of its aggregate that are pending. The versions of an aggregate
-- may have a gap, so that the append did not find the one before.
-- name: FollowPending :exec
UPDATE outbox_pending p SET prev_seq = (
    SELECT max(q.seq) FROM outbox_pending q WHERE q.topic = p.topic AND q.key = p.key AND q.version < p.version)
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE p.topic = @topic AND p.key = u.key AND p.version = u.version AND p.prev_seq = 0
    AND EXISTS (SELECT FROM outbox_pending q WHERE q.topic = p.topic AND q.key = p.key AND q.version < p.version);

-- Ends the wait of aggregates whose oldest pending event was refused, so that the next claim has it.
-- name: RetryBlocked :many
UPDATE outbox_blocked SET retry_at = now()
WHERE (sqlc.narg(topic)::text IS NULL OR topic = sqlc.narg(topic)) AND (sqlc.narg(key)::text IS NULL OR key = sqlc.narg(key))
RETURNING topic, key, attempts, retry_at, last_error;

-- Ends the wait of an aggregate, and returns the event that was refused: the oldest pending one.
-- name: UnblockAggregate :one
WITH b AS (DELETE FROM outbox_blocked x WHERE x.topic = @topic AND x.key = @key RETURNING x.topic, x.key)
SELECT e.seq, e.shard, e.event_id, e.created_at, e.topic, e.key, e.version, e.type
FROM b JOIN outbox_pending p ON p.topic = b.topic AND p.key = b.key
CROSS JOIN LATERAL (SELECT v.seq, v.shard, v.event_id, v.created_at, v.topic, v.key, v.version, v.type FROM outbox_event v
    WHERE v.seq = p.seq LIMIT 1) AS e
ORDER BY p.seq LIMIT 1;

-- name: DiscardPending :exec
WITH gone AS (DELETE FROM outbox_pending p WHERE p.shard = @shard AND p.topic = @topic AND p.seq = @seq RETURNING p.seq)
INSERT INTO outbox_discarded (seq) SELECT gone.seq FROM gone;

-- name: ForgetDiscarded :exec
DELETE FROM outbox_discarded WHERE seq <= @through;

-- Pauses a topic, or with the empty topic all of them. One that is paused stays as it is, and is not returned.
-- name: PauseOutbox :many
INSERT INTO outbox_pause (topic, reason) VALUES (@topic, @reason) ON CONFLICT (topic) DO NOTHING
RETURNING topic, reason, since;

-- Ends the pause of a topic, or with the empty topic all pauses.
-- name: ResumeOutbox :many
DELETE FROM outbox_pause p WHERE @topic::text = '' OR p.topic = @topic RETURNING p.topic, p.reason, p.since;

-- name: ListPauses :many
SELECT topic, reason, since FROM outbox_pause ORDER BY topic;

-- Returns what the database knows about the log of a shard. trusted: a relay of a version before outbox_log has published the
-- shard, so nothing says where its events end.
-- name: GetLog :one
SELECT o.topic_id, o.acked_end, s.trusted FROM outbox_shard s
LEFT JOIN outbox_log o ON o.topic = @topic AND o.shard = s.shard
WHERE s.shard = @shard;

-- name: GetOrigin :one
SELECT cluster_id, system_identifier, timeline FROM outbox_origin WHERE topic = @topic AND shard = @shard;

-- Returns, for each record that the database knows, its number among the arguments, and its event. predecessor is the seq
-- of the previous version of its aggregate if that is pending, and otherwise 0. The search begins with the newest version.
-- name: KnownEvents :many
SELECT g.n::int AS n, e.seq, e.version, (p.seq IS NOT NULL)::boolean AS pending,
    COALESCE((SELECT q.seq FROM outbox_pending q WHERE q.shard = p.shard AND q.topic = p.topic AND q.seq = p.prev_seq), 0)::bigint AS predecessor,
    EXISTS (SELECT FROM outbox_blocked b WHERE b.topic = @topic AND b.key = g.key) AS blocked
FROM (SELECT generate_series(1, cardinality(@keys::text[])) - 1 AS n, unnest(@keys::text[]) AS key,
        unnest(@event_ids::uuid[]) AS event_id) AS g
CROSS JOIN LATERAL (
    SELECT x.seq, x.version FROM outbox_event x
    WHERE x.topic = @topic AND x.key = g.key AND x.event_id = g.event_id ORDER BY x.version DESC LIMIT 1
) AS e
LEFT JOIN outbox_pending p ON p.shard = @shard AND p.topic = @topic AND p.seq = e.seq;

-- Stores the result of a comparison, if the caller holds the lease.
-- name: SetLog :execrows
INSERT INTO outbox_log AS o (topic, shard, topic_id, acked_end)
SELECT l.topic, l.shard, @topic_id, @acked_end FROM outbox_lease l
WHERE l.topic = @topic AND l.shard = @shard AND l.owner = @owner::uuid AND l.epoch = @epoch FOR SHARE
ON CONFLICT (topic, shard) DO UPDATE SET topic_id = excluded.topic_id, acked_end = greatest(o.acked_end, excluded.acked_end);

-- name: SetOrigin :exec
INSERT INTO outbox_origin (topic, shard, cluster_id, system_identifier, timeline)
VALUES (@topic, @shard, @cluster_id, @system_identifier, @timeline)
ON CONFLICT (topic, shard) DO UPDATE SET cluster_id = excluded.cluster_id, system_identifier = excluded.system_identifier,
    timeline = excluded.timeline;

-- Raises the epoch by many, if the caller holds the lease.
-- name: SkipEpochs :exec
UPDATE outbox_lease SET epoch = epoch + @skipped WHERE topic = @topic AND shard = @shard AND owner = @owner::uuid AND epoch = @epoch;

-- name: GetHalt :one
SELECT code, reason, producer_id FROM outbox_halt WHERE topic = @topic AND shard = @shard;

-- name: ListHalts :many
SELECT topic, shard, code, reason, since FROM outbox_halt ORDER BY topic, shard;

-- Stores why a shard is halted, if the caller holds the lease. since stays while the code stays.
-- name: SetHalt :exec
INSERT INTO outbox_halt AS o (topic, shard, code, reason, producer_id)
SELECT l.topic, l.shard, @code, @reason, l.producer_id FROM outbox_lease l
WHERE l.topic = @topic AND l.shard = @shard AND l.owner = @owner::uuid AND l.epoch = @epoch
ON CONFLICT (topic, shard) DO UPDATE SET code = excluded.code, reason = excluded.reason, producer_id = excluded.producer_id,
    since = CASE WHEN o.code = excluded.code THEN o.since ELSE now() END;

-- name: DeleteHalt :exec
DELETE FROM outbox_halt WHERE topic = @topic AND shard = @shard;

-- name: ListOrigins :many
SELECT topic, shard, cluster_id FROM outbox_origin;

-- Locks all leases, so that no relay marks anything until the end of the transaction.
-- name: LockLeases :many
SELECT topic, shard FROM outbox_lease ORDER BY topic, shard FOR UPDATE;

-- Makes every relay begin again with all its shards. The epochs rise far enough that those of lost commits are not used again.
-- name: RaiseEpochs :exec
UPDATE outbox_lease SET epoch = epoch + @by;

-- Takes the producer ids from the shards that are halted.
-- name: ForgetHaltedProducers :exec
UPDATE outbox_lease SET producer_id = -1 WHERE (topic, shard) IN (SELECT topic, shard FROM outbox_halt);

-- Makes every relay begin again with all its shards, with new producer ids. Leases that are added later have new ones, too.
-- name: ForgetProducers :exec
WITH seeds AS (UPDATE outbox_shard SET producer_id = -1)
UPDATE outbox_lease SET producer_id = -1, epoch = epoch + 1;

-- name: AdoptLog :exec
INSERT INTO outbox_log (topic, shard, topic_id, acked_end) VALUES (@topic, @shard, @topic_id, @acked_end)
ON CONFLICT (topic, shard) DO UPDATE SET topic_id = excluded.topic_id, acked_end = excluded.acked_end;

-- name: DeleteHalts :exec
DELETE FROM outbox_halt;

-- Returns the shards of which this database knows the log of a topic.
-- name: ListLogShards :many
SELECT shard FROM outbox_log WHERE topic = @topic;

-- name: ListTopicIDs :many
SELECT DISTINCT topic, topic_id FROM outbox_log;

-- name: ListLogs :many
SELECT topic, shard, topic_id, acked_end FROM outbox_log ORDER BY topic, shard;

-- name: ListLogs :many
SELECT topic, topic_id, acked_end FROM outbox_log WHERE shard = @shard ORDER BY topic;

-- name: GetOrigin :one
SELECT cluster_id, system_identifier, timeline FROM outbox_origin WHERE shard = @shard;

-- Returns, for each record that the database knows, its number among the arguments, and its event. predecessor is the seq
-- of the previous version of its aggregate if that is pending, and otherwise 0. The search begins with the newest version.
-- name: KnownEvents :many
SELECT g.n::int AS n, e.seq, e.version, (p.seq IS NOT NULL)::boolean AS pending,
    COALESCE((SELECT q.seq FROM outbox_pending q WHERE q.shard = p.shard AND q.seq = p.prev_seq), 0)::bigint AS predecessor,
    EXISTS (SELECT FROM outbox_blocked b WHERE b.topic = @topic AND b.key = g.key) AS blocked
FROM (SELECT generate_series(1, cardinality(@keys::text[])) - 1 AS n, unnest(@keys::text[]) AS key,
        unnest(@event_ids::uuid[]) AS event_id) AS g
CROSS JOIN LATERAL (
    SELECT x.seq, x.version FROM outbox_event x
    WHERE x.topic = @topic AND x.key = g.key AND x.event_id = g.event_id ORDER BY x.version DESC LIMIT 1
) AS e
LEFT JOIN outbox_pending p ON p.shard = @shard AND p.seq = e.seq;

-- Stores the result of a comparison, if the caller holds the lease.
-- name: SetLog :execrows
INSERT INTO outbox_log AS o (topic, shard, topic_id, acked_end)
SELECT @topic, l.shard, @topic_id, @acked_end FROM outbox_lease l
WHERE l.shard = @shard AND l.owner = @owner::uuid AND l.epoch = @epoch FOR SHARE
ON CONFLICT (topic, shard) DO UPDATE SET topic_id = excluded.topic_id, acked_end = greatest(o.acked_end, excluded.acked_end);

-- name: SetOrigin :exec
INSERT INTO outbox_origin (shard, cluster_id, system_identifier, timeline)
VALUES (@shard, @cluster_id, @system_identifier, @timeline)
ON CONFLICT (shard) DO UPDATE SET cluster_id = excluded.cluster_id, system_identifier = excluded.system_identifier,
    timeline = excluded.timeline;

-- Raises the epoch by many, if the caller holds the lease.
-- name: SkipEpochs :exec
UPDATE outbox_lease SET epoch = epoch + @skipped WHERE shard = @shard AND owner = @owner::uuid AND epoch = @epoch;

-- name: GetHalt :one
SELECT code, reason, producer_id FROM outbox_halt WHERE shard = @shard;

-- name: ListHalts :many
SELECT shard, code, reason, since FROM outbox_halt ORDER BY shard;

-- Stores why a shard is halted, if the caller holds the lease. since stays while the code stays.
-- name: SetHalt :exec
INSERT INTO outbox_halt AS o (shard, code, reason, producer_id)
SELECT l.shard, @code, @reason, l.producer_id FROM outbox_lease l
WHERE l.shard = @shard AND l.owner = @owner::uuid AND l.epoch = @epoch
ON CONFLICT (shard) DO UPDATE SET code = excluded.code, reason = excluded.reason, producer_id = excluded.producer_id,
    since = CASE WHEN o.code = excluded.code THEN o.since ELSE now() END;

-- name: DeleteHalt :exec
DELETE FROM outbox_halt WHERE shard = @shard;

-- name: ListOrigins :many
SELECT shard, cluster_id FROM outbox_origin;

-- Locks all leases, so that no relay marks anything until the end of the transaction.
-- name: LockLeases :many
SELECT shard FROM outbox_lease ORDER BY shard FOR UPDATE;

-- Makes every relay begin again with all its shards. The epochs rise far enough that those of lost commits are not used again.
-- name: RaiseEpochs :exec
UPDATE outbox_lease SET epoch = epoch + @by;

-- Takes the producer ids from the shards that are halted.
-- name: ForgetHaltedProducers :exec
UPDATE outbox_lease SET producer_id = -1 WHERE shard IN (SELECT shard FROM outbox_halt);

-- Makes every relay begin again with all its shards, with new producer ids.
-- name: ForgetProducers :exec
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

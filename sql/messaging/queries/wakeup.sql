-- Arms a channel. A channel that is armed is not locked, so that wake() does not pass over it.
-- name: ArmWakeChannel :exec
UPDATE wake_channel SET armed = true WHERE channel = $1 AND NOT armed;

-- Arms logs of the outbox: transactions that append to them notify. Returns the logs that are armed. A log is not armed while a
-- transaction that appended to it is committing without a notification. The caller reads the pending rows afterwards.
-- name: ArmLogs :many
SELECT u.topic::text AS topic, u.shard::smallint AS shard
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@shards::smallint[]) AS shard) AS u
WHERE pg_try_advisory_lock(1869968491, outbox_wake_key(u.topic, u.shard));

-- name: DisarmLogs :exec
SELECT pg_advisory_unlock_all();

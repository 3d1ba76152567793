-- The lock lasts until the transaction ends. A holder sees, in its next statement, what the previous holder committed.
-- name: TryLockRequest :one
SELECT pg_try_advisory_xact_lock(@key::bigint) AS locked,
    coalesce((SELECT u.keys FROM idempotency_usage u WHERE u.caller = @caller), 0)::bigint AS own_keys,
    coalesce((SELECT u.keys FROM idempotency_usage u WHERE u.caller = ''), 0)::bigint AS all_keys;

-- name: GetUsage :one
SELECT coalesce((SELECT u.keys FROM idempotency_usage u WHERE u.caller = @caller), 0)::bigint AS own_keys,
    coalesce((SELECT u.keys FROM idempotency_usage u WHERE u.caller = ''), 0)::bigint AS all_keys;

-- name: GetFirstAnswer :one
SELECT fingerprint, result FROM idempotency_key WHERE id = @id AND created_at > now() - @retention::interval;

-- A row that is already there is older than the retention: it replaces that row.
-- name: KeepFirstAnswer :exec
INSERT INTO idempotency_key (id, fingerprint, result, caller) VALUES (@id, @fingerprint, @result, @caller)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, caller = excluded.caller,
    created_at = now();

-- SKIP LOCKED: a locked row is being replaced by a newer answer under the same id, or another instance is deleting it.
-- A DELETE that waited for the replacement would delete the new answer.
-- name: DeleteOldAnswers :execrows
DELETE FROM idempotency_key WHERE id IN (
    SELECT k.id FROM idempotency_key k WHERE k.created_at < now() - @retention::interval
    ORDER BY k.created_at LIMIT @max_rows FOR UPDATE SKIP LOCKED);

-- One instance counts at a time, and the others pass over.
-- name: MayCount :one
SELECT pg_try_advisory_xact_lock(hashtextextended('idempotency_usage', 0)) AS may;

-- A separate statement after the lock, so that it sees when the last instance has counted. Requests to other services are stored
-- with their keys in sent_request. It writes nothing if the last count is young. Only callers that have reached their bound get a row:
-- with a row for each caller, a count would write as many rows as there are callers.
-- name: CountKeys :execrows
WITH due AS (
    SELECT WHERE NOT EXISTS (SELECT FROM idempotency_usage u WHERE u.caller = '' AND u.counted_at > now() - @pause::interval)
), counted AS (
    SELECT k.caller, count(*) AS keys
    FROM (SELECT caller FROM idempotency_key UNION ALL SELECT caller FROM sent_request WHERE once_id IS NOT NULL) k
    WHERE EXISTS (SELECT FROM due) GROUP BY k.caller
)
INSERT INTO idempotency_usage (caller, keys, counted_at)
SELECT c.caller, c.keys, now() FROM counted c WHERE c.keys >= @max_keys_per_caller::bigint
UNION ALL
SELECT '', coalesce((SELECT sum(c.keys) FROM counted c), 0)::bigint, now() FROM due
ON CONFLICT (caller) DO UPDATE SET keys = excluded.keys, counted_at = excluded.counted_at;

-- The callers that are below their bound again: the count of the same transaction has not written them.
-- name: DeleteOlderCounts :exec
DELETE FROM idempotency_usage WHERE counted_at < now();

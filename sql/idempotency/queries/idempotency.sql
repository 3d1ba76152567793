-- The lock lasts until the transaction ends. A holder sees, in its next statement, what the previous holder committed.
-- name: TryLockRequest :one
SELECT pg_try_advisory_xact_lock(@key::bigint) AS locked;

-- name: GetFirstAnswer :one
SELECT fingerprint, result FROM idempotency_key WHERE id = @id AND created_at > now() - @retention::interval;

-- A row that is already there is older than the retention: it replaces that row.
-- name: KeepFirstAnswer :exec
INSERT INTO idempotency_key (id, fingerprint, result) VALUES (@id, @fingerprint, @result)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, created_at = now();

-- SKIP LOCKED: a locked row is being replaced by a newer answer under the same id, or another instance is deleting it.
-- A DELETE that waited for the replacement would delete the new answer.
-- name: DeleteOldAnswers :execrows
DELETE FROM idempotency_key WHERE id IN (
    SELECT k.id FROM idempotency_key k WHERE k.created_at < now() - @retention::interval
    ORDER BY k.created_at LIMIT @max_rows FOR UPDATE SKIP LOCKED);

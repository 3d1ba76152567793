-- The lock is held until the transaction ends. The next statement of the new holder sees what the previous holder
-- committed.
-- name: TryLockRequest :one
SELECT pg_try_advisory_xact_lock(@key::bigint) AS locked;

-- name: GetFirstAnswer :one
SELECT fingerprint, result FROM idempotency_key WHERE id = @id AND created_at > now() - interval '24 hours';

-- An existing row is older than 24 hours, so it is replaced.
-- name: KeepFirstAnswer :exec
INSERT INTO idempotency_key (id, fingerprint, result) VALUES (@id, @fingerprint, @result)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, created_at = now();

-- Held until the transaction ends. Whoever gets it sees, in its next statement, what the holder before committed.
-- name: TryLockRequest :one
SELECT pg_try_advisory_xact_lock(@key::bigint) AS locked;

-- name: GetFirstAnswer :one
SELECT fingerprint, result FROM idempotency_key WHERE id = @id AND created_at > now() - interval '24 hours';

-- What is found here is too old to be answered with.
-- name: KeepFirstAnswer :exec
INSERT INTO idempotency_key (id, fingerprint, result) VALUES (@id, @fingerprint, @result)
ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, created_at = now();

-- The lock lasts until the transaction ends. A second request with the same Idempotency-Key waits for the first, and sees in
-- its next statement what the first has committed.
-- name: LockOnce :exec
SELECT pg_advisory_xact_lock(@key::bigint);

-- name: GetSentRequestOnce :one
SELECT * FROM sent_request WHERE once_id = @once_id;

-- name: GetSentRequest :one
SELECT * FROM sent_request WHERE topic = @topic AND id = @id;

-- name: LatestSentRequest :one
SELECT * FROM sent_request WHERE topic = @topic AND subject = @subject ORDER BY number DESC LIMIT 1;

-- Lists requests by their ids, which are in the order of time. A request without an outcome is "pending".
-- name: ListSentRequestsDown :many
SELECT * FROM sent_request
WHERE topic = @topic AND (sqlc.narg(past)::uuid IS NULL OR id < sqlc.narg(past))
    AND (sqlc.narg(outcomes)::text[] IS NULL OR coalesce(outcome, 'pending') = ANY (sqlc.narg(outcomes)))
ORDER BY id DESC LIMIT @most;

-- name: ListSentRequestsUp :many
SELECT * FROM sent_request
WHERE topic = @topic AND (sqlc.narg(past)::uuid IS NULL OR id > sqlc.narg(past))
    AND (sqlc.narg(outcomes)::text[] IS NULL OR coalesce(outcome, 'pending') = ANY (sqlc.narg(outcomes)))
ORDER BY id LIMIT @most;

-- A request for a new thing has its own id as its subject.
-- name: ListNewPending :many
SELECT * FROM sent_request WHERE topic = @topic AND subject = id::text AND outcome IS NULL ORDER BY id DESC LIMIT @most;

-- name: ListNewRefused :many
SELECT * FROM sent_request
WHERE topic = @topic AND subject = id::text AND outcome IN ('refused', 'expired') AND finished_at > @since::timestamptz
ORDER BY finished_at DESC LIMIT @most;

-- name: InsertSentRequest :exec
INSERT INTO sent_request (id, topic, key, number, subject, body, once_id, fingerprint, caller, created_at, expires_at)
VALUES (@id, @topic, @key, @number, @subject, @body, @once_id, @fingerprint, @caller, @created_at, @expires_at);

-- Rows are locked in the order of their ids, so that two transactions never wait for each other in a circle. A request without
-- an outcome is not finished. With finished_at instead, the planner may read the whole index of pending requests.
-- name: MarkUnreadable :exec
UPDATE sent_request r SET unreadable_at = coalesce(r.unreadable_at, now())
FROM (SELECT s.id FROM sent_request s WHERE s.id = ANY (@ids::uuid[]) AND s.outcome IS NULL ORDER BY s.id FOR UPDATE) l
WHERE r.id = l.id;

-- The first outcome wins: a finished request stays as it is. Each id may be given once.
-- name: FinishRequests :many
UPDATE sent_request r SET outcome = l.outcome, result = l.result, finished_at = now()
FROM (SELECT s.id, u.outcome, u.result
    FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@outcomes::text[]) AS outcome, unnest(@results::jsonb[]) AS result) u
    JOIN sent_request s ON s.id = u.id AND s.outcome IS NULL
    ORDER BY s.id FOR UPDATE OF s) l
WHERE r.id = l.id
RETURNING r.id, r.topic, l.outcome::text AS outcome, r.created_at, r.finished_at::timestamptz AS finished_at;

-- name: FinishedAmong :many
SELECT id FROM sent_request WHERE id = ANY (@ids::uuid[]) AND finished_at IS NOT NULL;

-- SKIP LOCKED: another instance is deleting these rows.
-- name: DeleteFinishedRequests :execrows
DELETE FROM sent_request WHERE id IN (
    SELECT s.id FROM sent_request s WHERE s.finished_at < now() - @keep::interval
    ORDER BY s.finished_at LIMIT @max_rows FOR UPDATE SKIP LOCKED);

-- name: CountPendingRequests :many
SELECT topic, count(*) AS pending, min(created_at)::timestamptz AS oldest FROM sent_request
WHERE finished_at IS NULL GROUP BY topic;

-- Counts the requests with each outcome, up to a limit. A request without an outcome is "pending".
-- name: CountSentRequests :many
SELECT k.outcome::text AS outcome, c.n FROM unnest(@outcomes::text[]) AS k (outcome)
CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
    SELECT FROM sent_request s WHERE s.topic = @topic AND coalesce(s.outcome, 'pending') = k.outcome LIMIT @most) f) c;

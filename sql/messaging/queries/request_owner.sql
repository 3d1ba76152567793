-- The owner's side of requests: it decides about the requests of others.

-- Locks the keys until the transaction ends, and returns the last number of each. Two transactions lock in the same order.
-- The statements that follow see what the previous holders of the locks committed.
-- name: LockNumbers :many
INSERT INTO message_number (topic, key, last)
SELECT @topic, k.key, 0 FROM (SELECT unnest(@keys::text[]) AS key) k ORDER BY k.key
ON CONFLICT (topic, key) DO UPDATE SET last = message_number.last
RETURNING key, last;

-- Locks one key like LockNumbers. It returns no row if another transaction holds the lock.
-- name: TryLockNumber :one
SELECT last FROM message_number WHERE topic = @topic AND key = @key FOR UPDATE SKIP LOCKED;

-- Returns which of the requests have been decided or parked.
-- name: HandledRequests :many
SELECT d.id FROM decided_request d WHERE d.id = ANY (@ids::uuid[])
UNION ALL SELECT p.id FROM parked_request p WHERE p.id = ANY (@ids::uuid[]);

-- Remembers decided requests, and the last number of each key that has got outcomes.
-- name: SaveDecisions :exec
WITH numbers AS (
    UPDATE message_number m SET last = n.last
    FROM (SELECT unnest(@number_keys::text[]) AS key, unnest(@lasts::bigint[]) AS last) n
    WHERE m.topic = @outcome_topic AND m.key = n.key
)
INSERT INTO decided_request (id, topic, key, outcome, expires_at, decided_at)
SELECT u.id, @topic, u.key, u.outcome, u.expires_at, @decided_at
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@keys::text[]) AS key, unnest(@outcomes::text[]) AS outcome,
        unnest(@expires::timestamptz[]) AS expires_at) u;

-- SKIP LOCKED: another instance deletes the others.
-- name: DeleteOldDecided :execrows
DELETE FROM decided_request WHERE id IN (
    SELECT d.id FROM decided_request d
    WHERE d.topic = @topic AND d.decided_at < @decided_before AND d.expires_at < @expired_before
    ORDER BY d.decided_at LIMIT @max_rows FOR UPDATE SKIP LOCKED);

-- Returns which of the keys have parked requests.
-- name: KeysWithParked :many
SELECT k.key::text FROM (SELECT unnest(@keys::text[]) AS key) k
WHERE EXISTS (SELECT FROM parked_request p WHERE p.topic = @topic AND p.key = k.key);

-- name: InsertParked :exec
INSERT INTO parked_request (topic, key, number, id, part, "offset", topic_id, message, needs, expires_at, parked_at)
SELECT @topic, u.key, u.number, u.id, u.part, u.at, u.topic_id, u.message, u.needs, u.expires_at, @parked_at
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@numbers::bigint[]) AS number, unnest(@ids::uuid[]) AS id,
        unnest(@parts::int[]) AS part, unnest(@ats::bigint[]) AS at, unnest(@topic_ids::uuid[]) AS topic_id, unnest(@messages::bytea[]) AS message,
        unnest(@needs::bigint[]) AS needs, unnest(@expires::timestamptz[]) AS expires_at) u;

-- Returns the version that the first parked request of each key waits for.
-- name: ParkedHeads :many
SELECT DISTINCT ON (p.key) p.key, p.needs FROM parked_request p
WHERE p.topic = @topic AND p.key > @after ORDER BY p.key, p.number LIMIT @max_rows;

-- name: KeysWithExpired :many
SELECT DISTINCT p.key FROM parked_request p
WHERE p.topic = @topic AND p.expires_at <= @now AND p.key > @after ORDER BY p.key LIMIT @max_rows;

-- Returns the parked requests of a key in the order of their numbers: the expired ones, and then the first others.
-- name: ParkedOf :many
SELECT p.id, p.part, p."offset", p.topic_id, p.message FROM (
    SELECT * FROM parked_request q WHERE q.topic = @topic AND q.key = @key
    ORDER BY (q.expires_at > @now), q.number LIMIT @max_rows) p
ORDER BY p.number, p.parked_at;

-- name: DeleteParked :exec
DELETE FROM parked_request WHERE id = ANY (@ids::uuid[]);

-- name: CountParked :one
SELECT count(*) AS parked, coalesce(min(p.parked_at), now())::timestamptz AS oldest FROM parked_request p WHERE p.topic = @topic;

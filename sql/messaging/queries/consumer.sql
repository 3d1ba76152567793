-- name: SeedPosition :exec
INSERT INTO consumer_position (topic, part, next_offset, topic_id) VALUES (@topic, @part, @next_offset, @topic_id)
ON CONFLICT DO NOTHING;

-- Gives a position that belongs to no known log the id of the present topic.
-- name: TrustTopic :execrows
UPDATE consumer_position SET topic_id = @topic_id
WHERE topic = @topic AND part = @part AND topic_id = '00000000-0000-0000-0000-000000000000';

-- The leader epoch is -1 if next_offset was changed without it, by hand or by an earlier release.
-- name: GetPosition :one
SELECT next_offset, topic_id, (CASE WHEN epoch_offset = next_offset THEN leader_epoch ELSE -1 END)::int AS leader_epoch,
    paused_code, paused_reason
FROM consumer_position WHERE topic = $1 AND part = $2;

-- Gives a position the leader epoch of the log that was compared with it.
-- name: StoreEpoch :exec
UPDATE consumer_position SET leader_epoch = @leader_epoch, epoch_offset = next_offset
WHERE topic = @topic AND part = @part AND next_offset = @next_offset AND topic_id = @topic_id;

-- Moves positions by compare-and-set, in the transaction that applies the events. If it changes fewer rows than it was
-- given, another consumer has moved a position, or a command has changed or paused it, and the caller must roll back. A
-- command may leave the offset and change only the topic id.
-- name: MovePositions :execrows
UPDATE consumer_position p SET next_offset = b.next, leader_epoch = b.epoch, epoch_offset = b.next, moved_at = now()
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@parts::int[]) AS part, unnest(@topic_ids::uuid[]) AS topic_id,
        unnest(@froms::bigint[]) AS from_offset, unnest(@nexts::bigint[]) AS next, unnest(@epochs::int[]) AS epoch) AS b
WHERE p.topic = b.topic AND p.part = b.part AND p.topic_id = b.topic_id AND p.next_offset = b.from_offset
    AND p.paused_code IS NULL;

-- Pauses the partitions of a topic, or one of them. A partition that is paused keeps its code and reason.
-- name: PausePositions :many
UPDATE consumer_position SET paused_code = @code::text, paused_reason = @reason::text, paused_at = now()
WHERE topic = @topic AND (sqlc.narg(part)::int IS NULL OR part = sqlc.narg(part)) AND paused_code IS NULL
RETURNING part, next_offset;

-- Resumes them, and returns why they were paused.
-- name: ResumePositions :many
WITH old AS (
    SELECT p.part, p.paused_code, p.paused_reason FROM consumer_position p
    WHERE p.topic = @topic AND (sqlc.narg(part)::int IS NULL OR p.part = sqlc.narg(part)) AND p.paused_code IS NOT NULL
    ORDER BY p.part FOR UPDATE
)
UPDATE consumer_position c SET paused_code = NULL, paused_reason = NULL, paused_at = NULL
FROM old WHERE c.topic = @topic AND c.part = old.part
RETURNING c.part, c.next_offset, old.paused_code::text AS paused_code, old.paused_reason::text AS paused_reason;

-- Locks positions in a fixed order, so that two commands do not wait for each other.
-- name: LockPositions :many
SELECT part, next_offset, topic_id FROM consumer_position WHERE topic = $1 ORDER BY part FOR UPDATE;

-- Sets a position that an operator has chosen. The consumer has not read the record before it, so the epoch is not known.
-- name: ResetPosition :exec
INSERT INTO consumer_position (topic, part, next_offset, topic_id) VALUES (@topic, @part, @next_offset, @topic_id)
ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset, topic_id = excluded.topic_id,
    leader_epoch = -1, epoch_offset = -1, moved_at = now();

-- Passes over an event, also in a paused partition. It changes nothing if the position has moved.
-- name: SkipEvent :execrows
UPDATE consumer_position SET next_offset = @next, leader_epoch = @leader_epoch, epoch_offset = @next, moved_at = now()
WHERE topic = @topic AND part = @part AND topic_id = @topic_id AND next_offset = @from_offset;

-- name: ListPositions :many
SELECT topic, part, next_offset, topic_id, moved_at, paused_code, paused_reason, paused_at FROM consumer_position
ORDER BY topic, part;

-- A row with the same place exists if the position was set back. The new data replaces the old.
-- name: InsertDeadLetter :one
INSERT INTO dead_letter (topic, topic_id, part, "offset", key, value, headers, version, event_id, code, reason,
    state, closed_at, closed_by, note)
VALUES (@topic, @topic_id, @part, @at, @key, @value, @headers, @version, @event_id, @code, @reason,
    @state, CASE WHEN @state::text = 'open' THEN NULL ELSE now() END, @closed_by, @note)
ON CONFLICT (topic, topic_id, part, "offset") DO UPDATE SET key = excluded.key, value = excluded.value,
    headers = excluded.headers, version = excluded.version, event_id = excluded.event_id, code = excluded.code,
    reason = excluded.reason, state = excluded.state, closed_at = excluded.closed_at, closed_by = excluded.closed_by,
    note = excluded.note, attempts = dead_letter.attempts + 1
RETURNING id;

-- name: HasOpenDeadLetters :one
SELECT EXISTS (SELECT FROM dead_letter WHERE topic = @topic AND part = @part AND state = 'open');

-- A hash index cannot look for many keys at once, so each key is a look of its own.
-- name: KeysWithOpenDeadLetters :many
SELECT DISTINCT k.key::bytea AS key FROM (SELECT @topic::text AS topic, unnest(@keys::bytea[]) AS key) k
CROSS JOIN LATERAL (SELECT FROM dead_letter d WHERE d.topic = k.topic AND d.state = 'open' AND d.key = k.key LIMIT 1) d;

-- Closes the open dead letters of a key that are not newer than the version that was applied. Dead letters without a
-- version (of events that could not be decoded, and of purges) stay open for an operator. Applying a purge, which has
-- the highest possible version here, closes all dead letters of the key.
-- name: SupersedeDeadLetters :execrows
UPDATE dead_letter d SET state = 'superseded', closed_at = now(), closed_by = 'system',
    note = CASE WHEN u.version = 9223372036854775807 THEN 'the key was purged'
                ELSE 'version ' || u.version || ' was applied' END
FROM (SELECT unnest(@keys::bytea[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE d.topic = @topic AND d.key = u.key AND d.state = 'open'
  AND (d.version <= u.version OR u.version = 9223372036854775807);

-- name: CountOpenDeadLetters :many
SELECT topic, count(*) AS open FROM dead_letter WHERE state = 'open' GROUP BY topic ORDER BY topic;

-- name: CountOpenDeadLettersByKind :many
SELECT topic, code, count(*) AS open, min(created_at)::timestamptz AS oldest, max(created_at)::timestamptz AS newest
FROM dead_letter WHERE state = 'open' GROUP BY topic, code ORDER BY open DESC, topic, code LIMIT @most;

-- name: ListDeadLetters :many
SELECT id, topic, part, "offset", key, version, event_id, code, reason, state, attempts, created_at, closed_at,
    closed_by, note, topic_id
FROM dead_letter
WHERE id > @after AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
  AND (sqlc.narg('topic')::text IS NULL OR topic = sqlc.narg('topic'))
  AND (sqlc.narg('code')::text IS NULL OR code = sqlc.narg('code'))
  AND (sqlc.narg('key')::bytea IS NULL OR key = sqlc.narg('key'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since'))
ORDER BY id LIMIT @most;

-- name: CountDeadLetters :one
SELECT count(*)::int FROM dead_letter
WHERE id > @after AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
  AND (sqlc.narg('topic')::text IS NULL OR topic = sqlc.narg('topic'))
  AND (sqlc.narg('code')::text IS NULL OR code = sqlc.narg('code'))
  AND (sqlc.narg('key')::bytea IS NULL OR key = sqlc.narg('key'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since'));

-- name: GetDeadLetter :one
SELECT * FROM dead_letter WHERE id = $1;

-- name: GetDeadLetterAt :one
SELECT * FROM dead_letter WHERE topic = @topic AND topic_id = @topic_id AND part = @part AND "offset" = @at;

-- name: LockDeadLetter :one
SELECT * FROM dead_letter WHERE id = $1 FOR UPDATE;

-- name: CloseDeadLetter :exec
UPDATE dead_letter SET state = @state, closed_at = now(), closed_by = @closed_by, note = @note,
    attempts = attempts + @tries
WHERE id = @id;

-- name: FailDeadLetterAgain :exec
UPDATE dead_letter SET attempts = attempts + 1, code = @code, reason = @reason WHERE id = @id;

-- Registers a consumer, and shows later that it still runs. A row that is gone is written again: the database may have come
-- back from a backup.
-- name: SaveMember :exec
INSERT INTO consumer_member (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp();

-- name: ListMembers :many
SELECT id, seen_at FROM consumer_member;

-- name: DeleteMember :exec
DELETE FROM consumer_member WHERE id = $1;

-- Deletes consumers that ended without a stop.
-- name: DeleteOldMembers :exec
DELETE FROM consumer_member WHERE seen_at < now() - interval '1 day';

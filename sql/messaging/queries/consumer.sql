-- name: SeedPosition :exec
INSERT INTO consumer_position (topic, part, next_offset) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: GetPosition :one
SELECT next_offset FROM consumer_position WHERE topic = $1 AND part = $2;

-- Moves positions by compare-and-set, in the transaction that applies the events. If it changes fewer rows than it was
-- given, another consumer has moved a position, and the caller must roll back.
-- name: MovePositions :execrows
UPDATE consumer_position p SET next_offset = b.next, moved_at = now()
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@parts::int[]) AS part, unnest(@froms::bigint[]) AS from_offset,
        unnest(@nexts::bigint[]) AS next) AS b
WHERE p.topic = b.topic AND p.part = b.part AND p.next_offset = b.from_offset;

-- A row with the same offset exists if the position was set back by hand or the topic was created again. The new data
-- replaces the old.
-- name: InsertDeadLetter :one
INSERT INTO dead_letter (topic, part, "offset", key, value, headers, version, event_id, code, reason,
    state, closed_at, closed_by, note)
VALUES (@topic, @part, @at, @key, @value, @headers, @version, @event_id, @code, @reason,
    @state, CASE WHEN @state::text = 'open' THEN NULL ELSE now() END, @closed_by, @note)
ON CONFLICT (topic, part, "offset") DO UPDATE SET key = excluded.key, value = excluded.value,
    headers = excluded.headers, version = excluded.version, event_id = excluded.event_id, code = excluded.code,
    reason = excluded.reason, state = excluded.state, closed_at = excluded.closed_at, closed_by = excluded.closed_by,
    note = excluded.note, attempts = dead_letter.attempts + 1
RETURNING id;

-- name: HasOpenDeadLetters :one
SELECT EXISTS (SELECT FROM dead_letter WHERE topic = @topic AND part = @part AND state = 'open');

-- name: KeysWithOpenDeadLetters :many
SELECT DISTINCT key FROM dead_letter WHERE topic = @topic AND state = 'open' AND key = ANY (@keys::bytea[]);

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

-- name: ListDeadLetters :many
SELECT id, topic, part, "offset", key, version, event_id, code, reason, state, attempts, created_at, closed_at,
    closed_by, note
FROM dead_letter
WHERE id > @after AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
  AND (sqlc.narg('topic')::text IS NULL OR topic = sqlc.narg('topic'))
ORDER BY id LIMIT @most;

-- name: GetDeadLetter :one
SELECT * FROM dead_letter WHERE id = $1;

-- name: LockDeadLetter :one
SELECT * FROM dead_letter WHERE id = $1 FOR UPDATE;

-- name: CloseDeadLetter :exec
UPDATE dead_letter SET state = @state, closed_at = now(), closed_by = @closed_by, note = @note,
    attempts = attempts + @tries
WHERE id = @id;

-- name: FailDeadLetterAgain :exec
UPDATE dead_letter SET attempts = attempts + 1, code = @code, reason = @reason WHERE id = @id;

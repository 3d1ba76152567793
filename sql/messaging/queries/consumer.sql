-- name: SeedPosition :exec
INSERT INTO consumer_position (topic, part, next_offset) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: GetPosition :one
SELECT next_offset FROM consumer_position WHERE topic = $1 AND part = $2;

-- The compare-and-set that makes positions move only with the effects, and once: a row less than asked for means that
-- somebody else moved one.
-- name: MovePositions :execrows
UPDATE consumer_position p SET next_offset = b.next, moved_at = now()
FROM (SELECT unnest(@topics::text[]) AS topic, unnest(@parts::int[]) AS part, unnest(@froms::bigint[]) AS from_offset,
        unnest(@nexts::bigint[]) AS next) AS b
WHERE p.topic = b.topic AND p.part = b.part AND p.next_offset = b.from_offset;

-- The same offset again means that the position was set back by hand, or the topic made anew: what happened last counts.
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

-- A key's open dead letters are behind its newest event once that is applied; a purge (no version) is behind nothing.
-- What could not be decoded has no version and waits for a person.
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

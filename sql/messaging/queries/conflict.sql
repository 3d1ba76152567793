-- Returns the conflicts that are new.
-- name: InsertConflicts :many
INSERT INTO copy_conflict AS c (topic, part, key, version)
SELECT @topic::text, @part::int, u.key, u.version
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version) u
ORDER BY u.key
ON CONFLICT (topic, key) DO UPDATE SET version = excluded.version, seen_at = excluded.seen_at
WHERE c.version < excluded.version
RETURNING key, version;

-- Ends the conflicts of keys at versions below the given ones.
-- name: EndConflicts :many
DELETE FROM copy_conflict c
USING (SELECT unnest(@keys::text[]) AS key, unnest(@versions::bigint[]) AS version) u
WHERE c.topic = @topic AND c.key = u.key AND c.version < u.version
RETURNING c.key;

-- name: CountConflictsOf :one
SELECT count(*) FROM copy_conflict WHERE topic = @topic AND part = @part;

-- name: CountConflicts :many
SELECT topic, part, count(*) AS open FROM copy_conflict GROUP BY topic, part ORDER BY topic, part;

-- name: ListConflicts :many
SELECT * FROM copy_conflict
WHERE key > @after AND (sqlc.narg('topic')::text IS NULL OR topic = sqlc.narg('topic'))
ORDER BY topic, key LIMIT @most;

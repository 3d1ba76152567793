-- name: AddChange :exec
INSERT INTO object_history (model, key, version, kind, changed_at, actor_kind, actor, cause, event_id, fields)
VALUES (@model, @key, @version, @kind, @changed_at, @actor_kind, @actor, @cause, @event_id, @fields);

-- The rows get their ids in the order of the arguments.
-- name: AddChanges :exec
INSERT INTO object_history (model, key, version, kind, changed_at, actor_kind, actor, cause, event_id, fields)
SELECT model, key, version, kind, changed_at, @actor_kind, @actor, cause, event_id, fields::json
FROM (SELECT generate_series(1, cardinality(@keys::text[])) AS n, unnest(@models::text[]) AS model, unnest(@keys::text[]) AS key,
        unnest(@versions::bigint[]) AS version, unnest(@kinds::text[]) AS kind, unnest(@times::timestamptz[]) AS changed_at,
        unnest(@causes::text[]) AS cause, unnest(@event_ids::uuid[]) AS event_id, unnest(@fields::text[]) AS fields
     ) AS given
ORDER BY n;

-- name: ListChanges :many
SELECT * FROM object_history WHERE model = @model AND key = @key AND id < @before ORDER BY id DESC LIMIT @max_rows;

-- Deletes rows that are older than the retention, at most max_rows of them, the oldest first.
-- name: DeleteOldChanges :execrows
DELETE FROM object_history
WHERE id = ANY(ARRAY(
    SELECT o.id FROM (SELECT h.id, h.changed_at FROM object_history h ORDER BY h.id LIMIT @max_rows) AS o
    WHERE o.changed_at < now() - @retention::interval));

-- name: EraseChanges :execrows
DELETE FROM object_history WHERE model = @model AND key = @key;

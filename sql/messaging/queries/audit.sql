-- name: InsertAction :one
INSERT INTO operator_action (by_whom, command, reason, detail) VALUES (@by_whom, @command, @reason, @detail) RETURNING id;

-- name: UpdateAction :exec
UPDATE operator_action SET detail = @detail WHERE id = @id;

-- name: ListActions :many
SELECT id, at, by_whom, command, reason, detail FROM operator_action WHERE id < @before ORDER BY id DESC LIMIT @most;

-- The lock lasts until the transaction ends. So a count of the valid tokens stays right until the next token is inserted.
-- name: LockTokens :exec
SELECT pg_advisory_xact_lock(hashtextextended('api_token', 0));

-- name: CountValidTokens :one
SELECT count(*) FROM api_token WHERE revoked_at IS NULL AND expires_at > now();

-- name: InsertToken :one
INSERT INTO api_token (name, hash, scopes, expires_at) VALUES (@name, @hash, @scopes, @expires_at)
RETURNING id, created_at, expires_at;

-- name: ListTokens :many
SELECT id, name, scopes, created_at, expires_at, revoked_at FROM api_token
WHERE id < @before AND (@ended::boolean OR (revoked_at IS NULL AND expires_at > now()))
ORDER BY id DESC LIMIT @max_rows;

-- name: RevokeToken :one
UPDATE api_token SET revoked_at = now() WHERE id = @id AND revoked_at IS NULL
RETURNING id, name, scopes, created_at, expires_at, revoked_at;

-- name: GetToken :one
SELECT id, name, scopes, created_at, expires_at, revoked_at FROM api_token WHERE id = @id;

-- name: ListValidTokens :many
SELECT id, name, hash, scopes, expires_at FROM api_token WHERE revoked_at IS NULL AND expires_at > now() ORDER BY expires_at LIMIT @max_rows;

-- The lock lasts until the transaction ends. So the count of users, or of enabled admins, stays right until it commits.
-- name: LockUsers :exec
SELECT pg_advisory_xact_lock(hashtextextended('admin_user', 0));

-- name: CountUsers :one
SELECT count(*) FROM admin_user;

-- name: CountEnabledAdmins :one
SELECT count(*) FROM admin_user WHERE role = 'admin' AND disabled_at IS NULL;

-- name: InsertUser :one
INSERT INTO admin_user (name, role, password_hash, must_change_password) VALUES (@name, @role, @password_hash, @must_change_password)
ON CONFLICT (name) DO NOTHING RETURNING *;

-- name: GetUser :one
SELECT * FROM admin_user WHERE id = @id;

-- name: GetUserByName :one
SELECT * FROM admin_user WHERE name = @name;

-- name: ListUsers :many
SELECT * FROM admin_user ORDER BY name LIMIT @max_rows;

-- name: SetPassword :one
UPDATE admin_user SET password_hash = @password_hash, must_change_password = true, epoch = epoch + 1 WHERE name = @name RETURNING *;

-- Not if somebody has set another password, or has disabled the user, since the epoch was read.
-- name: ReplacePassword :one
UPDATE admin_user SET password_hash = @password_hash, must_change_password = false, epoch = epoch + 1
WHERE name = @name AND epoch = @epoch AND disabled_at IS NULL RETURNING *;

-- name: SetRole :one
UPDATE admin_user SET role = @role WHERE name = @name RETURNING *;

-- name: DisableUser :one
UPDATE admin_user SET disabled_at = coalesce(disabled_at, now()), epoch = epoch + 1 WHERE name = @name RETURNING *;

-- name: EnableUser :one
UPDATE admin_user SET disabled_at = NULL WHERE name = @name RETURNING *;

-- name: DeleteExpiredSessions :exec
DELETE FROM admin_session WHERE expiry < now();

-- name: FindSession :one
SELECT data FROM admin_session WHERE token = @token AND expiry > now() AND data <> '';

-- A session that has ended stays ended, also if a request that began before saves it.
-- name: SaveSession :exec
INSERT INTO admin_session AS s (token, data, expiry) VALUES (@token, @data, @expiry)
ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expiry = EXCLUDED.expiry WHERE s.data <> '';

-- Its row stays without data until it expires.
-- name: EndSession :exec
UPDATE admin_session SET data = '' WHERE token = @token;

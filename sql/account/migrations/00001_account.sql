-- +goose Up
-- The people who use the admin pages. A row is never deleted: the audit names its user.
CREATE TABLE admin_user (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text        NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    role          text        NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    password_hash text        NOT NULL, -- argon2id, with its parameters and its salt
    epoch         bigint      NOT NULL DEFAULT 1, -- it grows when all sessions of the user must end
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz -- null unless the user is disabled
);

-- The sessions of signed-in users. A token is a SHA-256 of the cookie.
CREATE TABLE admin_session (
    token  text        PRIMARY KEY,
    data   bytea       NOT NULL,
    expiry timestamptz NOT NULL
);
CREATE INDEX admin_session_expiry ON admin_session (expiry);

-- +goose Down
DROP TABLE admin_session;
DROP TABLE admin_user;
